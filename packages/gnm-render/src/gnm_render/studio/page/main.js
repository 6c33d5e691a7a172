// The page: a wall of samples, one scene large for each model, the tools of the one that is active.

import { ask, send, Unreachable } from "./api.js";
import { byId, complain, make, say, verdictOf } from "./dom.js";
import { Editor } from "./editor.js";
import { Tools } from "./tools.js";

const SAMPLES = 16;

class Page {
  clipboard = null;
  first = null;
  active = null;

  async start() {
    this.models = await ask("models");
    this.tools = new Tools(this);
    this.editors = this.models.map(
      (model) =>
        new Editor(model, {
          active: (editor) => this.#activate(editor),
          changed: (editor) => this.#changed(editor),
          failed: (error) => this.failed(error),
        }),
    );
    byId("scenes").replaceChildren(...this.editors.map((editor) => editor.element));
    byId("model").replaceChildren(...this.models.map((model) => make("option", { value: model.number }, model.name)));
    byId("model").closest("label").hidden = this.models.length < 2;
    byId("about").textContent = this.models.map((m) => `${m.name}: ${m.kind}${m.data ? ` on ${m.data}` : ""}, step ${m.step}`).join(" · ");
    byId("sample").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sample();
    });
    byId("model").addEventListener("change", () => this.#sample());
    byId("next").addEventListener("click", () => {
      byId("seed").value = this.seed() + 1;
      this.#sample();
    });
    byId("picture").addEventListener("change", (event) => event.target.files[0] && this.#see(event.target.files[0]));
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      if (event.dataTransfer.files[0]) this.#see(event.dataTransfer.files[0]);
    });
    this.#meetOtherTabs();
    this.#activate(this.editors[0]);
    await this.#sample();
  }

  seed() {
    const value = Number.parseInt(byId("seed").value, 10);
    return Number.isFinite(value) ? Math.min(2147483646, Math.max(0, value)) : 0;
  }

  failed(error) {
    complain(error.message);
    if (error instanceof Unreachable) byId("about").textContent = "not connected";
    else setTimeout(() => complain(""), 8000);
  }

  strip(title, scenes) {
    const strip = byId("strip");
    strip.hidden = false;
    byId("strip-title").textContent = title;
    strip.querySelector("ul").replaceChildren(...scenes.map((scene, i) => make("li", {}, this.#tile(scene, `number ${i + 1}`))));
  }

  async open(editor, file) {
    await this.#tried(async () => editor.begin(await send(`open?model=${editor.model.number}`, file)));
  }

  #tile(scene, words) {
    const picture = make("img", { src: scene.image, alt: words });
    if (scene.scene === undefined) return picture;
    const choose = () => this.editors[scene.model].begin(scene);
    return make("button", { type: "button", "aria-label": `edit ${words}`, onclick: choose }, picture, verdictOf(scene));
  }

  async #sample() {
    await this.#tried(async () => {
      const model = Number(byId("model").value || 0);
      const scenes = await ask("sample", { model, count: SAMPLES, seed: this.seed() });
      byId("samples").replaceChildren(...scenes.map((scene, i) => make("li", {}, this.#tile(scene, `sample ${i + 1}`))));
      const editor = this.editors[model];
      if (!editor.scene) editor.begin(scenes[0]);
      this.#activate(editor);
    });
  }

  async #see(file) {
    say(`taking ${file.name} apart …`);
    await this.#tried(async () => {
      for (const scene of await send("see", file)) this.editors[scene.model].begin(scene);
      say("");
    });
    byId("picture").value = "";
  }

  #activate(editor) {
    this.active = editor;
    for (const other of this.editors) other.element.classList.toggle("active", other === editor && this.editors.length > 1);
    this.tools.show(editor);
  }

  #changed(editor) {
    complain("");
    if (editor === this.active) this.tools.show(editor);
  }

  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=number]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) this.active?.undo();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.active?.redo();
    else return;
    event.preventDefault();
  }

  #meetOtherTabs() {
    const channel = new BroadcastChannel("gnm-studio");
    channel.onmessage = (message) => {
      say("This studio is open in another tab too. Both work; each has its own undo.");
      if (message.data === "here") channel.postMessage("too");
    };
    channel.postMessage("here");
  }

  async #tried(work) {
    try {
      await work();
      complain("");
    } catch (error) {
      this.failed(error);
    }
  }
}

const page = new Page();
page.start().catch((error) => page.failed(error));
