// The scenes that an edited scene has been, and where in them it is.

export class History {
  #scenes = [];
  #at = -1;

  get now() {
    return this.#scenes[this.#at] ?? null;
  }
  get canUndo() {
    return this.#at > 0;
  }
  get canRedo() {
    return this.#at < this.#scenes.length - 1;
  }
  begin(scene) {
    this.#scenes = [scene];
    this.#at = 0;
  }
  push(scene) {
    this.#scenes.splice(this.#at + 1, Infinity, scene);
    this.#at += 1;
  }
  undo() {
    if (this.canUndo) this.#at -= 1;
    return this.now;
  }
  redo() {
    if (this.canRedo) this.#at += 1;
    return this.now;
  }
}
