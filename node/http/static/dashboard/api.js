// Requests to the node that the page came from (or whichever the balancer chose).

/** An answer that isn't what was wanted. `says`: why, in words. */
export class Refused extends Error {
  constructor(status, says) {
    super(says);
    this.status = status;
    this.says = says;
  }
}

const WORDS = {
  401: "You aren't logged in any more.",
  403: "You may not do that.",
  404: "That isn't there.",
  429: "That was too often; wait a little.",
  503: "The node can't do that now; try again in a moment.",
};

/** Ask; what is answered, from JSON. Raises Refused. */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: { "X-Chorus": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
  } catch {
    throw new Refused(0, "No node answers; it isn't known whether that was done.");
  }
  const text = await answer.text();
  let said = {};
  try {
    said = text ? JSON.parse(text) : {};
  } catch { /* a page of somebody between */ }
  if (!answer.ok) throw new Refused(answer.status, said.says || WORDS[answer.status] || `The node answered ${answer.status}.`);
  return said;
}
