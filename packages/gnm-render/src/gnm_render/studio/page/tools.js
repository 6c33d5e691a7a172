// What can be done with the selected scene and object.

import { ask, Overtaken } from "./api.js";
import { byId, make } from "./dom.js";

const RANGE = 3.5;

const button = (text, onclick, enabled = true, more = {}) =>
  make("button", { type: "button", onclick, disabled: !enabled, ...more }, text);

// `page`: {clipboard, first, failed(error), strip(title, scenes), seed()}
export class Tools {
  #asked = 0;

  constructor(page) {
    this.page = page;
    this.element = byId("tools");
  }

  show(editor) {
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset?.keep : null;
    if (!editor?.scene) {
      this.element.replaceChildren(make("p", { class: "quiet" }, "Choose a sample, or drop a picture of your own here."));
      return;
    }
    const parts = [this.#past(editor), ...this.#objects(editor), ...this.#object(editor), ...this.#whole(editor), this.#files(editor), help()];
    this.element.replaceChildren(...parts.filter(Boolean));
    if (focused) this.element.querySelector(`[data-keep="${focused}"]`)?.focus();
  }

  #past(editor) {
    return make(
      "div",
      { class: "row" },
      button("Undo", () => editor.undo(), editor.history.canUndo, { "data-keep": "undo" }),
      button("Redo", () => editor.redo(), editor.history.canRedo, { "data-keep": "redo" }),
    );
  }

  #objects(editor) {
    const { abilities } = editor.model;
    const objects = editor.scene.objects;
    if (!objects) return [make("p", { class: "quiet" }, "This model does not name objects.")];
    const rows = objects.map((object, number) =>
      make(
        "label",
        {},
        make("input", {
          type: "checkbox",
          "aria-label": `keep object ${number}`,
          checked: editor.stage.kept.has(number),
          "data-keep": `keep-${number}`,
          onchange: (event) => editor.stage.keep(number, event.target.checked),
        }),
        String(number),
      ),
    );
    return [
      make("h3", {}, abilities.complete ? `${objects.length} objects; keep` : `${objects.length} objects`),
      abilities.complete ? make("div", { class: "chips" }, ...rows) : null,
      abilities.complete
        ? make(
            "div",
            { class: "row" },
            button("Sample the rest anew", () => editor.complete(this.page.seed()), true, { "data-keep": "complete" }),
          )
        : null,
    ];
  }

  #object(editor) {
    const { object, selected: number, model } = editor;
    if (!object || !model.abilities.edit) return [];
    const others = (editor.scene.objects ?? []).map((_, i) => i).filter((i) => i !== number);
    const away = model.size / 12;
    const sliders = make("div", { "aria-label": "appearance" });
    this.#sliders(editor, number, sliders);
    const swap = make(
      "select",
      {
        "aria-label": "exchange appearance with",
        onchange: (event) => event.target.value && editor.edit({ do: "swap", number, other: Number(event.target.value) }),
      },
      make("option", { value: "" }, "exchange with …"),
      ...others.map((i) => make("option", { value: i }, `object ${i}`)),
    );
    return [
      make("h3", {}, `Object ${number}`),
      make(
        "div",
        { class: "row" },
        button("Remove", () => editor.edit({ do: "remove", number })),
        button("Copy", () => editor.edit({ do: "duplicate", number, dx: away, dy: away })),
        model.abilities.front ? button("To the front", () => editor.edit({ do: "front", number })) : null,
        button("Remember", () => {
          this.page.clipboard = { source: editor.scene.scene, number };
          this.show(editor);
        }),
        others.length ? swap : null,
      ),
      model.abilities.front ? slider("depth", object.depth, 8, editor, (depth) => ({ do: "depth", number, depth })) : null,
      sliders,
    ];
  }

  async #sliders(editor, number, place) {
    const turn = ++this.#asked;
    try {
      const { amounts } = await ask("directions", { scene: editor.scene.scene, number });
      if (turn !== this.#asked) return;
      const now = [...amounts];
      place.replaceChildren(
        ...amounts.map((amount, i) =>
          slider(`look ${i + 1}`, amount, RANGE, editor, (value) => {
            now[i] = value;
            return { do: "appearance", number, amounts: [...now] };
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof Overtaken)) this.page.failed(error);
    }
  }

  #whole(editor) {
    const { abilities } = editor.model;
    const { page } = this;
    const { scene } = editor;
    const same = page.first && page.first.model === scene.model && page.first.scene !== scene.scene;
    const tried = (work) => async () => {
      try {
        await work();
      } catch (error) {
        page.failed(error);
      }
    };
    return [
      make("h3", {}, "Scene"),
      make(
        "div",
        { class: "row" },
        page.clipboard && abilities.edit ? button("Put the remembered object in", () => editor.edit({ do: "paste", ...page.clipboard })) : null,
        abilities.steps && scene.has_code
          ? button(
              "Drawing steps",
              tried(async () => page.strip("The scene after each drawing step", await ask("steps", { scene: scene.scene }))),
            )
          : null,
        abilities.interpolate && scene.has_code
          ? button("Begin here", () => {
              page.first = scene;
              this.show(editor);
            })
          : null,
        abilities.interpolate && scene.has_code && same
          ? button(
              "Go from there to here",
              tried(async () =>
                page.strip("From one scene to the other", await ask("between", { first: page.first.scene, last: scene.scene, count: 8 })),
              ),
            )
          : null,
      ),
    ];
  }

  #files(editor) {
    const link = (kind, text) => make("a", { href: `api/scene/${editor.scene.scene}.${kind}`, download: `scene.${kind}` }, text);
    const open = make("input", {
      type: "file",
      accept: "application/json,.json",
      "aria-label": "open a saved scene",
      onchange: (event) => event.target.files[0] && this.page.open(editor, event.target.files[0]),
    });
    const symbols = editor.model.abilities.edit;
    return make(
      "div",
      {},
      make("h3", {}, "Files"),
      make("p", { class: "row" }, link("png", "picture"), symbols ? link("zip", "layers") : null, symbols ? link("json", "scene as JSON") : null),
      symbols ? make("label", {}, "open a saved scene ", open) : null,
    );
  }
}

function slider(words, value, range, editor, edit) {
  const shown = make("output", {}, value.toFixed(1));
  const input = make("input", {
    type: "range",
    min: -range,
    max: range,
    step: 0.1,
    value: Math.min(range, Math.max(-range, value)),
    "aria-label": words,
    "data-keep": words,
    oninput: () => {
      shown.textContent = Number(input.value).toFixed(1);
      editor.dragged(edit(Number(input.value)));
    },
    onchange: () => editor.edit(edit(Number(input.value))),
  });
  return make("label", { class: "slider" }, words, input, shown);
}

function help() {
  const keys = [
    ["Tab", "next object"],
    ["arrows", "move (with Shift by 5)"],
    ["+ −", "size"],
    ["Delete", "remove"],
    ["d", "copy"],
    ["f", "to the front"],
    ["k", "keep"],
    ["Ctrl-Z", "undo"],
  ];
  return make(
    "details",
    {},
    make("summary", {}, "Keys"),
    ...keys.map(([key, words]) => make("p", { class: "quiet" }, make("kbd", {}, key), ` ${words}`)),
  );
}
