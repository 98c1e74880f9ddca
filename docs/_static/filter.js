// A box above the tables of a page that is marked with an element of the class "table-filter": rows that do not hold what
// is typed are hidden, and the names that do are marked.
document.querySelectorAll(".table-filter").forEach((place) => {
  const input = document.createElement("input");
  const said = document.createElement("output");
  input.type = "search";
  input.placeholder = "A name, like linalg.svd";
  input.setAttribute("aria-label", "Show only the rows that hold");
  place.append(input, said);
  const rows = [...document.querySelectorAll("article table tbody tr")];
  const wrapper = (row) => row.closest(".pst-scrollable-table-container") || row.closest("table");
  const tables = [...new Set(rows.map(wrapper))];
  const show = () => {
    const wanted = input.value.trim().toLowerCase();
    document.querySelectorAll("code.found").forEach((code) => code.classList.remove("found"));
    let count = 0;
    rows.forEach((row) => {
      const here = !wanted || row.textContent.toLowerCase().includes(wanted);
      row.classList.toggle("filtered-out", !here);
      count += here;
      if (here && wanted)
        row.querySelectorAll("code").forEach((code) => {
          if (code.textContent.toLowerCase().includes(wanted)) code.classList.add("found");
        });
    });
    tables.forEach((table) => {
      table.classList.toggle("filtered-out", !table.querySelector("tbody tr:not(.filtered-out)"));
    });
    said.textContent = wanted ? `${count} rows` : "";
  };
  input.addEventListener("input", show);
  const asked = new URLSearchParams(location.search).get("name");
  if (asked) { input.value = asked; show(); }
});
