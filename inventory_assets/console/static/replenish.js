"use strict";
// The Replenish page: choosing lines, deciding on many at once, saying of each what became of it. Uses console.js.

const DONE = { accept: "accepted", dismiss: "dismissed", snooze: "snoozed" };
const GO_WITHOUT_SAYING = { accept: "ordered" };
const LOOK_MS = [300, 500, 800, 1200];
const MOST_LINES = 1000;

const figure = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });
const lines = () => all("tr[data-line]");
const picked = () => lines().filter((line) => one("[data-pick]", line).checked);
const counted = (chosen) => `${figure(chosen.length)} ${chosen.length === 1 ? "line" : "lines"}`;
const quantityOf = (line) => Number(one("[data-quantity]", line).value) || 0;
const say = (line, text, isBad = false) => {
  const place = one("[data-said]", line);
  place.textContent = text;
  place.classList.toggle("bad", isBad);
};

function showPicked() {
  const chosen = picked();
  for (const line of lines()) line.classList.toggle("picked", one("[data-pick]", line).checked);
  for (const group of all("[data-group]")) {
    const boxes = all("[data-pick]", group);
    const count = boxes.filter((box) => box.checked).length;
    const whole = one("[data-all]", group);
    whole.checked = count > 0 && count === boxes.length;
    whole.indeterminate = count > 0 && count < boxes.length;
  }
  const units = chosen.reduce((sum, line) => sum + quantityOf(line), 0);
  const priced = chosen.filter((line) => line.dataset.price !== undefined);
  const value = priced.reduce((sum, line) => sum + quantityOf(line) * Number(line.dataset.price), 0);
  one("[data-bar]").hidden = chosen.length === 0;
  one("[data-picked]").textContent = chosen.length === 0 ? "" : `${counted(chosen)}, ${figure(units)} units${priced.length ? `, ${figure(value)} at sales prices` : ""}`;
}

// A quantity that is no whole number of packs is allowed, and said.
function checkPacks(line) {
  const note = one("[data-pack]", line);
  if (!note) return;
  const units = quantityOf(line), pack = Number(note.dataset.pack);
  const isOdd = units > 0 && units % pack !== 0;
  note.textContent = isOdd ? `no whole packs of ${figure(pack)}` : `packs of ${figure(pack)}`;
  note.classList.toggle("bad", isOdd);
}

function lineBody(line, name) {
  const body = { line_id: line.dataset.line, warehouse_id: line.dataset.warehouse, sku: line.dataset.sku };
  if (name === "accept" && quantityOf(line)) body.quantity = quantityOf(line);
  return body;
}

async function decide(name, chosen, reason) {
  const author = rememberedName();
  if (!author) { one("#me").focus(); toast("Who are you? Give your name at the top: it is kept in the history.", "bad"); return; }
  if (!reason) { one("[data-reason]").focus(); toast("Say why, for the history.", "bad"); return; }
  const wrong = name === "accept" ? chosen.find((line) => !one("[data-quantity]", line).checkValidity()) : null;
  if (wrong) { one("[data-quantity]", wrong).reportValidity(); return; }
  if (chosen.length > MOST_LINES) { toast(`At most ${figure(MOST_LINES)} lines at once.`, "bad"); return; }
  const body = { author, reason, lines: chosen.map((line) => lineBody(line, name)) };
  if (name === "snooze") {
    const days = one("[data-days]");
    if (!days.reportValidity() || !days.value) return;
    body.days = Number(days.value);
  }
  const buttons = all("[data-bar] button");
  buttons.forEach((button) => { button.disabled = true; });
  chosen.forEach((line) => say(line, "sending …"));
  try {
    const sent = await send("POST", `/api/plan/${name}`, body);
    await followLines(name, chosen, sent, author, body);
  } catch (error) {
    chosen.forEach((line, place) => say(line, error.problems && error.problems[place] && error.problems[place].finding ? `refused: ${error.problems[place].finding}` : "not sent", true));
    toast(error.message, "bad");
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
    showPicked();
  }
}

// Sent is not done. Each line is its own message, and says for itself what became of it.
async function followLines(name, chosen, sent, author, body) {
  const waiting = new Map();
  sent.lines.forEach((said, place) => {
    if (said.outcome === "sent") { waiting.set(said.message_id, chosen[place]); say(chosen[place], "sent …"); }
    else say(chosen[place], `refused: ${said.detail}`, true);
  });
  const until = Date.now() + GIVE_UP_MS;
  let found = { outcome: "pending", problems: [], taken_in: 0 };
  for (let look = 0; Date.now() < until; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS[Math.min(look, LOOK_MS.length - 1)]));
    try { found = await send("GET", sent.outcome_url); } catch { continue; }
    if (found.taken_in >= sent.message_ids.length) break;
  }
  if (found.taken_in < sent.message_ids.length) {
    for (const line of waiting.values()) say(line, "sent, not ingested yet", true);
    toast("Sent, but nothing has ingested it yet. Is the product running (make run)? It will be done then.", "bad");
    return;
  }
  const done = [];
  for (const [id, line] of waiting) {
    const problem = found.problems.find((each) => each.message_id === id);
    if (problem) { say(line, `refused: ${problem.detail || problem.reason}`, true); continue; }
    done.push(line);
    line.dataset.state = DONE[name];
    one("[data-back]", line).hidden = name !== "accept";
    const units = name === "accept" ? ` ${figure(quantityOf(line))}` : "";
    say(line, `${DONE[name]}${units} by ${author}: ${body.reason}`);
    line.classList.toggle("over", name !== "accept");
    one("[data-pick]", line).checked = false;
  }
  const refused = chosen.filter((line) => !done.includes(line));
  if (done.length) offerUndo(name, done);
  if (refused.length) toast(`${counted(refused)} refused: each says why, and stays chosen.`, "bad");
  await renewHead();
}

// Beside each line for as long as it is accepted, and for all of these together until somebody closes it.
function offerUndo(name, done) {
  if (name !== "accept") { toast(`${counted(done)} ${DONE[name]}.`, "good"); return; }
  const shown = document.createElement("div");
  shown.className = "toast good";
  shown.append(`${counted(done)} accepted.`, document.createElement("br"));
  const offer = (words, act) => {
    const button = document.createElement("button");
    button.textContent = words;
    button.addEventListener("click", () => { shown.remove(); act(); });
    shown.append(button);
  };
  offer("Take back", () => takeBack(done));
  offer("Close", () => {});
  all("#toasts .toast.good").forEach((each) => each.remove());
  one("#toasts").append(shown);
}

// Nothing of them counts as ordered then: a dismissal, which a newer line of the shelf does not heed.
function takeBack(chosen) {
  decide("dismiss", chosen, "taken back");
}

// The figures at the top; the rows stay as they are, with what is typed into them.
async function renewHead() {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = one("[data-live=head]", next);
    if (response.ok && fresh) one("[data-live=head]").replaceWith(document.adoptNode(fresh));
  } catch { /* the next page will tell */ }
}

async function workOutAgain(details) {
  const place = one("[data-again]", details);
  if (!details.open || place.dataset.asked) return;
  place.dataset.asked = "yes";
  place.textContent = "Working it out again …";
  try {
    const response = await fetch(details.dataset.why);
    const found = new DOMParser().parseFromString(await response.text(), "text/html");
    if (response.ok) place.replaceChildren(...[...found.body.childNodes].map((each) => document.adoptNode(each)));
    else place.textContent = "This could not be worked out just now.";
  } catch {
    place.textContent = "The console does not answer.";
  }
}

function setUpPlan() {
  for (const button of all("[data-print]")) button.addEventListener("click", () => window.print());
  const plan = one("[data-plan]");
  if (!plan) return;
  plan.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("[data-all]")) for (const each of all("[data-pick]", box.closest("[data-group]"))) each.checked = box.checked;
    if (box.matches("[data-quantity]")) {
      // Who changes a quantity means the line.
      if (box.value && box.value !== box.dataset.suggested) one("[data-pick]", box.closest("tr")).checked = true;
    }
    showPicked();
  });
  plan.addEventListener("input", (event) => { if (event.target.matches("[data-quantity]")) { checkPacks(event.target.closest("tr")); showPicked(); } });
  plan.addEventListener("toggle", (event) => { if (event.target.matches("[data-why]")) workOutAgain(event.target); }, true);
  plan.addEventListener("click", (event) => { if (event.target.matches("[data-back]")) takeBack([event.target.closest("tr")]); });
  for (const button of all("[data-decide]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.decide;
      const reason = one("[data-reason]").value.trim().replace(/\s+/g, " ") || GO_WITHOUT_SAYING[name] || "";
      decide(name, picked(), reason);
    });
  }
  one("[data-none]").addEventListener("click", () => { for (const line of picked()) one("[data-pick]", line).checked = false; showPicked(); });
  // A browser keeps what was chosen when one comes back.
  showPicked();
}
setUpPlan();
