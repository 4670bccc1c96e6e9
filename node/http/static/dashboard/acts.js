// What an operator may do: a row for each act. Every one is confirmed in the dialog first.

import { ask } from "./api.js";
import { byId, make, tell } from "./dom.js";

const api = (path) => `/api/v1/${path}`;
const part = encodeURIComponent;
const SECONDS = { name: "over", label: "Within how many seconds", hint: "Empty: as the node was set up", type: "number", min: 0, max: 86400, step: "any" };
const kindOfBan = (who) => (who.includes("@") ? "mask" : /^[0-9a-f:.]*[.:][0-9a-f:.]*(\/\d+)?$/i.test(who) ? "network" : "nick");
const WHY = { name: "why", label: "Why", hint: "They read this. May be empty", maxlength: 200 };

/** title, says, fields, does (the button) and send(about, values) -> [method, path, body]. */
const ACTS = {
  drain: {
    title: (node) => `Drain ${node}?`,
    says: (node) => `${node} takes nobody any more, closes its people's connections one after another, and ends. They go on where they were, on other nodes.`,
    fields: [SECONDS],
    does: "Drain",
    grave: true,
    send: (node, { over }) => ["POST", `nodes/${part(node)}/drain`, { over }],
  },
  rebalance: {
    title: (node) => `Move people away from ${node}?`,
    says: (node) => `A share of ${node}'s connections is closed, one after another. Whoever comes again lands on any node.`,
    fields: [
      { name: "share", label: "Share, in percent", type: "number", min: 1, max: 100, step: "any", value: 10, required: true },
      SECONDS,
    ],
    does: "Rebalance",
    send: (node, { share, over }) => ["POST", `nodes/${part(node)}/rebalance`, { share: share / 100, over }],
  },
  notice: {
    title: () => "Send a notice to everybody?",
    says: () => "Everybody who is connected reads it, on every node.",
    fields: [{ name: "text", label: "Notice", maxlength: 500, required: true }],
    does: "Send",
    send: (_, { text }) => ["POST", "notices", { text }],
  },
  kick: {
    title: (nick) => (nick ? `Kick ${nick}?` : "Kick somebody?"),
    says: () => "Their connection is closed. They may come back at once; a ban keeps them out.",
    fields: [{ name: "nick", label: "Nick", required: true, about: true }, WHY],
    does: "Kick",
    grave: true,
    send: (_, { nick, why }) => ["POST", "kicks", { nick, why }],
  },
  ban: {
    title: (nick) => (nick ? `Ban ${nick}?` : "Ban somebody?"),
    says: () => "By nick: whoever has it is closed, and their address is banned. By network: everybody from there. By mask: whose user and host are like that.",
    fields: [
      { name: "who", label: "Nick, network or mask", hint: "alice, 192.0.2.0/24, or bob@*.example.org", required: true, about: true },
      { name: "seconds", label: "For how long", type: "number", value: 3600, choices: [
        [600, "10 minutes"], [3600, "1 hour"], [86400, "1 day"], [604800, "1 week"], ["", "until it's lifted"],
      ] },
      WHY,
    ],
    does: "Ban",
    grave: true,
    send: (_, { who, seconds, why }) =>
      ["POST", "bans", { [kindOfBan(who)]: who, seconds, why }],
  },
  unban: {
    title: (banned) => `Lift the ban of ${banned}?`,
    says: () => "They may come in again.",
    fields: [],
    does: "Lift the ban",
    send: (banned) => ["DELETE", `bans/${part(banned)}`],
  },
};

/** `told(text)`: how it went; `done()`: something was changed. Returns open(act, about). */
export function acts({ told, done }) {
  const dialog = byId("dialog");
  const form = byId("dialog-form");
  const error = byId("dialog-error");
  const button = byId("dialog-do");
  let act = null;
  let about = "";
  let from = null;
  let busy = false;

  function field(spec) {
    const id = `field-${spec.name}`;
    const input = spec.choices ? make("select", { id, name: spec.name },
      ...spec.choices.map(([value, text]) => make("option", { value }, text))) : make("input", {
      id, name: spec.name, type: spec.type ?? "text", min: spec.min, max: spec.max, step: spec.step,
      maxlength: spec.maxlength, required: spec.required, autocomplete: "off", dir: spec.type ? null : "auto",
      "aria-describedby": spec.hint && `${id}-hint`,
    });
    input.value = spec.about ? about : spec.value ?? "";
    return make("div", { class: "field" }, make("label", { for: id }, spec.label), input,
      spec.hint && make("p", { class: "quiet", id: `${id}-hint` }, spec.hint));
  }

  function values() {
    const found = {};
    for (const { name, type } of act.fields) {
      const said = form.elements[name].value.trim();
      if (said !== "") found[name] = type === "number" ? Number(said) : said;
    }
    return found;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = button.ariaDisabled = true;
    tell(error, "");
    try {
      const [method, path, body] = act.send(about, values());
      const answer = await ask(method, api(path), body);
      dialog.close();
      told(answer.says || "Done.");
      done();
    } catch (refused) {
      if (refused.says === undefined) throw refused;
      tell(error, refused.says);
    } finally {
      busy = false;
      button.ariaDisabled = null;
    }
  });
  byId("dialog-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    // a row that was sorted away or whose node is gone can't take the focus back
    (from?.isConnected ? from : byId("main")).focus();
  });

  return (name, whom = "") => {
    act = ACTS[name];
    about = whom;
    from = document.activeElement;
    tell(byId("dialog-title"), act.title(whom));
    tell(byId("dialog-says"), act.says(whom));
    tell(error, "");
    tell(button, act.does);
    button.classList.toggle("grave", Boolean(act.grave));
    byId("dialog-fields").replaceChildren(...act.fields.map(field));
    dialog.showModal();
    const first = [...form.querySelectorAll("input")].find((input) => input.value === "");
    (first ?? form.querySelector("input") ?? byId("dialog-cancel")).focus();
  };
}
