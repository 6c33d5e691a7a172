// Asks the server. Addresses are relative: the page's own begins with the token.

export class Refused extends Error {}
export class Overtaken extends Error {}
export class Unreachable extends Error {}

async function answered(request) {
  let response;
  try {
    response = await request();
  } catch {
    throw new Unreachable("The studio cannot be reached: it has ended, or was started anew under another address.");
  }
  let data = {};
  try {
    data = await response.json();
  } catch {
    // an answer without words
  }
  if (response.status === 409 && data.overtaken) throw new Overtaken();
  if (!response.ok) throw new Refused(data.error ?? `the studio answered ${response.status}`);
  return data;
}

export const ask = (path, body) =>
  answered(() =>
    fetch(`api/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );

export const send = (path, blob) => answered(() => fetch(`api/${path}`, { method: "POST", body: blob }));

// Runs one thing at a time; of those that come meanwhile only the newest is run.
export class Latest {
  #running = false;
  #waiting = null;

  async run(work) {
    if (this.#running) {
      this.#waiting = work;
      return;
    }
    this.#running = true;
    try {
      for (let next = work; next; next = this.#waiting) {
        this.#waiting = null;
        await next();
        if (this.#waiting === null) break;
      }
    } finally {
      this.#running = false;
      this.#waiting = null;
    }
  }

  forget() {
    this.#waiting = null;
  }
}
