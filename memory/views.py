"""The views of the store for people; those that look into JSON are written for each database."""

from __future__ import annotations

STEP = """
CREATE VIEW step AS
SELECT run, seq, node, json_extract(payload, '$.visit') AS visit, json_extract(payload, '$.wrote') AS wrote,
       json_extract(payload, '$.t') AS at
FROM event WHERE kind = 'node.finished'"""

SAID = """
CREATE VIEW said AS
SELECT message.run, message.seq, message.place, call.node, call.visit, message.agent, message.role,
       call.model, content.body AS text
FROM message
JOIN call ON call.run = message.run AND call.seq = message.seq
JOIN content ON content.hash = message.text"""

SPEND = """
CREATE VIEW spend AS
SELECT run, agent, model, count(*) AS calls,
       sum(prompt_tokens + completion_tokens) AS tokens,
       sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
       CASE WHEN count(usd) = count(*) THEN sum(usd) END AS usd, sum(seconds) AS seconds
FROM call
GROUP BY run, agent, model"""

SCORE = """
CREATE VIEW score AS
SELECT done.run, done.node, json_extract(done.payload, '$.visit') AS visit, sample.key AS place,
       json_extract(sample.value, '$.answer') AS answer, json_extract(sample.value, '$.score') AS score
FROM event AS done
JOIN event AS begun ON begun.run = done.run AND begun.node = done.node AND begun.kind = 'node.started'
    AND json_extract(begun.payload, '$.visit') = json_extract(done.payload, '$.visit')
    AND json_extract(begun.payload, '$.does') = 'score'
JOIN json_each(done.payload, '$.wrote') AS saved ON saved.type = 'array'
JOIN json_each(saved.value) AS sample ON sample.type = 'object'
WHERE done.kind = 'node.finished' AND json_extract(sample.value, '$.score') IS NOT NULL"""

# JSON with a NUL in a text, which PostgreSQL cannot take out of it, is read with a sign for it
_PAYLOAD = r"CAST(replace({0}.payload, '\u0000', '\ufffd') AS json)"

_STEP_ON_POSTGRESQL = f"""
CREATE VIEW step AS
SELECT run, seq, node, CAST(body ->> 'visit' AS bigint) AS visit, CAST(body -> 'wrote' AS text) AS wrote,
       CAST(body ->> 't' AS double precision) AS at
FROM event, LATERAL (SELECT {_PAYLOAD.format("event")} AS body) AS parsed
WHERE kind = 'node.finished'"""

_SCORE_ON_POSTGRESQL = f"""
CREATE VIEW score AS
SELECT done.run, done.node, done.visit, sample.place, sample.body ->> 'answer' AS answer,
       CAST(sample.body ->> 'score' AS double precision) AS score
FROM (
    SELECT run, node, CAST(body ->> 'visit' AS bigint) AS visit, body -> 'wrote' AS wrote
    FROM event, LATERAL (SELECT {_PAYLOAD.format("event")} AS body) AS parsed
    WHERE kind = 'node.finished'
) AS done
JOIN (
    SELECT run, node, CAST(body ->> 'visit' AS bigint) AS visit
    FROM event, LATERAL (SELECT {_PAYLOAD.format("event")} AS body) AS parsed
    WHERE kind = 'node.started' AND body ->> 'does' = 'score'
) AS begun ON begun.run = done.run AND begun.node = done.node AND begun.visit = done.visit
CROSS JOIN LATERAL json_each(
    CASE json_typeof(done.wrote) WHEN 'object' THEN done.wrote ELSE '{{}}' END
) AS saved (key, value)
CROSS JOIN LATERAL (
    SELECT number - 1 AS place, body
    FROM json_array_elements(
        CASE json_typeof(saved.value) WHEN 'array' THEN saved.value ELSE '[]' END
    ) WITH ORDINALITY AS one (body, number)
) AS sample
WHERE CASE json_typeof(sample.body) WHEN 'object' THEN json_typeof(sample.body -> 'score') END = 'number'"""

ON_POSTGRESQL = {STEP: _STEP_ON_POSTGRESQL, SCORE: _SCORE_ON_POSTGRESQL}
"""The views that look into JSON, by what they are on SQLite."""
