(() => {
  const form = document.getElementById("filter");
  const told = document.getElementById("told");
  const items = [...document.querySelectorAll("details.item")];
  const heads = items.map((item) => item.firstElementChild.textContent.toLowerCase());

  const apply = () => {
    const want = form.elements.show.value;
    const text = form.elements.find.value.trim().toLowerCase();
    let count = 0;
    items.forEach((item, i) => {
      const fits = (want === "all" || item.classList.contains(want)) && heads[i].includes(text);
      item.hidden = !fits;
      count += fits;
    });
    told.textContent = `${count} of ${items.length} items`;
  };

  const follow = () => {
    const item = document.getElementById(location.hash.slice(1));
    if (!item || !item.classList.contains("item")) return;
    if (item.hidden) {
      form.reset();
      apply();
    }
    item.open = true;
    item.scrollIntoView();
    item.firstElementChild.focus({ preventScroll: true });
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  addEventListener("hashchange", follow);
  form.hidden = false;
  apply();
  follow();
})();
