// A picture in full, and the values under the pointer. The page says the same without this.
const zoom = document.querySelector("dialog");
document.addEventListener("click", (event) => {
  const picture = event.target.closest(".picture");
  if (picture) {
    zoom.querySelector("img").src = picture.querySelector("img").src;
    zoom.showModal();
  } else if (event.target.closest("dialog")) {
    zoom.close();
  }
});

for (const chart of document.querySelectorAll(".chart")) {
  const { along, steps, lines } = JSON.parse(chart.querySelector("script").textContent);
  const plot = chart.querySelector(".plot");
  const cursor = plot.querySelector(".cursor");
  const items = [...chart.querySelectorAll(".legend li b")];
  const last = items.map((item) => item.textContent);
  const heading = chart.querySelector("h4 i");
  const words = (value) => {
    if (value === null) return "–";
    const size = Math.abs(value);
    return size >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(4);
  };
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const span = steps[steps.length - 1] - steps[0] || 1;
    const wanted = steps[0] + share * span;
    let nearest = 0;
    steps.forEach((step, i) => {
      if (Math.abs(step - wanted) < Math.abs(steps[nearest] - wanted)) nearest = i;
    });
    cursor.style.display = "block";
    cursor.style.left = `${(100 * (steps[nearest] - steps[0])) / span}%`;
    heading.textContent = ` at ${along} ${steps[nearest].toLocaleString("en", { maximumFractionDigits: 1 })}`;
    items.forEach((item, i) => (item.textContent = words(lines[i][nearest])));
  };
  const hide = () => {
    cursor.style.display = "none";
    heading.textContent = "";
    items.forEach((item, i) => (item.textContent = last[i]));
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", hide);
}
