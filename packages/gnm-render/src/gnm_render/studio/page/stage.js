// One scene, large, with its boxes over it: selected, dragged, stretched, by pointer and by keys.

import { draw, make, verdictOf } from "./dom.js";

const HANDLES = [
  [0, 0],
  [2, 0],
  [0, 2],
  [2, 2],
];

// `scene`: an answer of the server; `size`: side of the picture; `on`: {select, drag, drop, key}.
export class Stage {
  constructor(size, on) {
    this.size = size;
    this.on = on;
    this.scene = null;
    this.selected = null;
    this.kept = new Set();
    this.image = make("img", { alt: "", draggable: "false" });
    this.boxes = draw("svg", { viewBox: `0 0 ${size} ${size}`, "aria-label": "objects" });
    this.verdict = make("p", { class: "quiet" });
    this.stage = make("div", { class: "stage" }, this.image, this.boxes);
    this.element = make("div", {}, this.stage, this.verdict);
    this.boxes.addEventListener("pointerdown", (event) => this.#press(event));
    this.boxes.addEventListener("keydown", (event) => this.#key(event));
    this.boxes.addEventListener("focusin", (event) => this.#focus(event));
  }

  show(scene, { keepFocus = true } = {}) {
    this.scene = scene;
    const objects = scene.objects ?? [];
    if (this.selected !== null && this.selected >= objects.length) this.selected = objects.length ? objects.length - 1 : null;
    this.image.src = scene.image;
    this.image.alt = scene.objects ? `scene with ${objects.length} objects` : "scene";
    const focused = keepFocus && this.boxes.contains(document.activeElement);
    this.boxes.replaceChildren(...objects.map((object, number) => this.#box(object, number)));
    if (focused && this.selected !== null) this.boxes.children[this.selected]?.focus({ preventScroll: true });
    this.verdict.replaceChildren(...[verdictOf(scene)].filter(Boolean));
  }

  // While a drag goes on only the picture and the one box change: focus and pointer stay where they are.
  showDragged(scene, number) {
    this.image.src = scene.image;
    if (scene.objects?.[number]) this.#place(this.boxes.children[number], scene.objects[number].box, number);
  }

  select(number, { focus = false } = {}) {
    this.selected = number;
    for (const [i, element] of [...this.boxes.children].entries()) {
      element.setAttribute("aria-pressed", String(i === number));
      this.#handles(element, i === number);
    }
    if (focus && number !== null) this.boxes.children[number]?.focus({ preventScroll: true });
    this.on.select(number);
  }

  keep(number, kept) {
    if (kept) this.kept.add(number);
    else this.kept.delete(number);
    this.boxes.children[number]?.setAttribute("data-kept", String(kept));
  }

  #box(object, number) {
    const [x0, y0, x1, y1] = object.box.map((value) => value.toFixed(0));
    const label = `object ${number}, from ${x0}, ${y0} to ${x1}, ${y1}, probability ${object.confidence.toFixed(2)}`;
    const element = draw(
      "g",
      {
        class: "object",
        role: "button",
        tabindex: "0",
        "data-number": number,
        "data-kept": String(this.kept.has(number)),
        "aria-label": label,
        "aria-pressed": String(number === this.selected),
      },
      draw("rect", { class: "box" }),
      draw("text", { class: "number", "font-size": this.size / 24 }, String(number)),
    );
    this.#place(element, object.box, number);
    this.#handles(element, number === this.selected);
    return element;
  }

  #place(element, [x0, y0, x1, y1]) {
    const rect = element.querySelector(".box");
    for (const [name, value] of Object.entries({ x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) }))
      rect.setAttribute(name, value);
    const text = element.querySelector("text");
    text.setAttribute("x", x0 + this.size / 64);
    text.setAttribute("y", y0 + this.size / 22);
    element.dataset.box = JSON.stringify([x0, y0, x1, y1]);
    for (const handle of element.querySelectorAll(".handle")) this.#placeHandle(handle, [x0, y0, x1, y1]);
  }

  #placeHandle(handle, box) {
    const side = this.size / 28;
    const [i, j] = HANDLES[Number(handle.dataset.corner)];
    handle.setAttribute("x", box[i] - side / 2);
    handle.setAttribute("y", box[j + 1] - side / 2);
    handle.setAttribute("width", side);
    handle.setAttribute("height", side);
  }

  #handles(element, wanted) {
    for (const handle of element.querySelectorAll(".handle")) handle.remove();
    if (!wanted) return;
    for (const corner of HANDLES.keys()) {
      const handle = draw("rect", { class: `handle ${corner % 3 ? "rising" : "falling"}`, "data-corner": corner });
      element.append(handle);
      this.#placeHandle(handle, JSON.parse(element.dataset.box));
    }
  }

  #point(event) {
    const frame = this.boxes.getBoundingClientRect();
    return [((event.clientX - frame.left) / frame.width) * this.size, ((event.clientY - frame.top) / frame.height) * this.size];
  }

  #press(event) {
    const element = event.target.closest(".object");
    if (!element) {
      this.select(null);
      return;
    }
    event.preventDefault();
    const number = Number(element.dataset.number);
    this.select(number, { focus: true });
    const begin = this.#point(event);
    const old = [...this.scene.objects[number].box];
    const corner = event.target.dataset.corner;
    let box = null;
    const move = (next) => {
      const [dx, dy] = this.#point(next).map((value, axis) => value - begin[axis]);
      box = moved(old, corner, dx, dy);
      this.#place(this.boxes.children[number], box);
      this.on.drag(number, box);
    };
    const end = () => {
      this.boxes.removeEventListener("pointermove", move);
      this.boxes.removeEventListener("pointerup", end);
      this.boxes.removeEventListener("pointercancel", end);
      if (box) this.on.drop(number, box);
    };
    this.boxes.setPointerCapture(event.pointerId);
    this.boxes.addEventListener("pointermove", move);
    this.boxes.addEventListener("pointerup", end);
    this.boxes.addEventListener("pointercancel", end);
  }

  #focus(event) {
    const element = event.target.closest(".object");
    if (element && Number(element.dataset.number) !== this.selected) this.select(Number(element.dataset.number));
  }

  #key(event) {
    const element = event.target.closest(".object");
    if (element && this.on.key(event, Number(element.dataset.number))) event.preventDefault();
  }
}

// A box moved, or with one corner moved; never thinner than a pixel.
export function moved([x0, y0, x1, y1], corner, dx, dy) {
  if (corner === undefined) return [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
  const [i, j] = HANDLES[Number(corner)];
  const box = [x0, y0, x1, y1];
  box[i] = i === 0 ? Math.min(x0 + dx, x1 - 1) : Math.max(x1 + dx, x0 + 1);
  box[j + 1] = j === 0 ? Math.min(y0 + dy, y1 - 1) : Math.max(y1 + dy, y0 + 1);
  return box;
}
