// One model's scene: its stage, its past, and what is asked of the server about it.

import { ask, Latest, Overtaken } from "./api.js";
import { make, say } from "./dom.js";
import { History } from "./history.js";
import { Stage } from "./stage.js";

const NUDGE = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// `on`: {active(editor), changed(editor), failed(error)}
export class Editor {
  #latest = new Latest();
  #drags = 0;

  constructor(model, on) {
    this.model = model;
    this.on = on;
    this.history = new History();
    this.stage = new Stage(model.size, {
      select: () => this.on.active(this),
      drag: (number, box) => this.#drag({ do: "box", number, box }),
      drop: (number, box) => this.edit({ do: "box", number, box }),
      key: (event, number) => this.#key(event, number),
    });
    this.views = make("div", { class: "views" });
    this.element = make(
      "article",
      { class: "scene", "aria-label": `scene of ${model.name}`, onpointerdown: () => this.on.active(this) },
      make("h2", {}, model.name),
      this.stage.element,
      this.views,
    );
  }

  get scene() {
    return this.history.now;
  }
  get selected() {
    return this.stage.selected;
  }
  get object() {
    return this.selected === null ? null : (this.scene?.objects?.[this.selected] ?? null);
  }

  begin(scene) {
    this.history.begin(scene);
    this.stage.kept.clear();
    this.stage.selected = null;
    this.#show();
    const seen = scene.input ? { input: scene.input, reconstruction: scene.image, "from the scene code alone": scene.from_code } : {};
    this.views.replaceChildren(
      ...Object.entries(seen)
        .filter(([, image]) => image)
        .map(([words, image]) => make("figure", {}, make("img", { src: image, alt: words }), make("figcaption", {}, words))),
    );
  }

  take(scene) {
    this.history.push(scene);
    this.#show();
  }

  undo() {
    if (this.history.canUndo) this.history.undo();
    this.#show();
  }
  redo() {
    if (this.history.canRedo) this.history.redo();
    this.#show();
  }

  // An edit that counts: it waits for its turn, is judged, and can be undone.
  async edit(edit) {
    this.#latest.forget();
    this.#drags += 1;
    await this.#tried(async () => this.take(await ask("edit", { scene: this.scene.scene, edit })));
  }

  // One of many on the way: the newest is shown, the others are not.
  dragged(edit) {
    this.#drag(edit);
  }

  async complete(seed) {
    await this.#tried(async () => {
      const keep = [...this.stage.kept].filter((number) => number < (this.scene.objects?.length ?? 0));
      const done = await ask("complete", { scene: this.scene.scene, keep, seed });
      this.stage.kept.clear();
      this.take(done);
      say(
        done.exact
          ? "Sampled anew: the objects of this model do not depend on one another."
          : `Sampled anew: effective sample size ${done.effective.toFixed(1)} of ${done.proposals} proposals.`,
      );
    });
  }

  #drag(edit) {
    const base = this.scene;
    const turn = this.#drags;
    this.#latest.run(() =>
      this.#tried(async () => {
        const answer = await ask("edit", { scene: base.scene, edit, drag: `model-${this.model.number}` });
        if (turn === this.#drags) this.stage.showDragged(answer, edit.number);
      }),
    );
  }

  #key(event, number) {
    const step = event.shiftKey ? 5 : 1;
    const [x0, y0, x1, y1] = this.scene.objects[number].box;
    if (event.key in NUDGE) {
      const [dx, dy] = NUDGE[event.key].map((value) => value * step);
      this.edit({ do: "box", number, box: [x0 + dx, y0 + dy, x1 + dx, y1 + dy] });
    } else if (event.key === "+" || event.key === "-") {
      const by = (event.key === "+" ? step : -step) / 2;
      if (x1 - x0 + 2 * by >= 1 && y1 - y0 + 2 * by >= 1) this.edit({ do: "box", number, box: [x0 - by, y0 - by, x1 + by, y1 + by] });
    } else if (event.key === "Delete" || event.key === "Backspace") this.edit({ do: "remove", number });
    else if (event.key === "d") this.edit({ do: "duplicate", number, dx: this.model.size / 12, dy: this.model.size / 12 });
    else if (event.key === "f" && this.model.abilities.front) this.edit({ do: "front", number });
    else if (event.key === "k") {
      this.stage.keep(number, !this.stage.kept.has(number));
      this.on.changed(this);
    } else if (event.key === "Escape") this.stage.select(null);
    else return false;
    return true;
  }

  #show() {
    this.stage.show(this.scene);
    this.on.changed(this);
  }

  async #tried(work) {
    try {
      await work();
    } catch (error) {
      if (error instanceof Overtaken) return;
      if (this.scene) this.stage.show(this.scene);
      this.on.failed(error);
    }
  }
}
