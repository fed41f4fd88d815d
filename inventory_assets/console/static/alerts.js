"use strict";
// The Alerts page: choosing many and acting on them at once, saying of each what became of it. Uses console.js.

const MANY = { ack: "acknowledged", silence: "silenced", note: "noted" };
const LOOK_MS = [300, 500, 800, 1200];
const chosen = new Set();
const said = new Map();

const rows = () => all("tr[data-alert]");
const boxes = () => all("[data-pick]");
const named = (count) => `${count} ${count === 1 ? "alert" : "alerts"}`;

function showChosen() {
  for (const row of rows()) {
    const box = one("[data-pick]", row), words = said.get(row.dataset.alert), place = one("[data-said]", row);
    if (!box) continue;
    box.checked = chosen.has(row.dataset.alert);
    row.classList.toggle("picked", box.checked);
    place.textContent = words ? words.text : "";
    place.classList.toggle("bad", Boolean(words && words.isBad));
  }
  const count = boxes().filter((box) => box.checked).length;
  const whole = one("[data-all]");
  if (whole) { whole.checked = count > 0 && count === boxes().length; whole.indeterminate = count > 0 && !whole.checked; }
  one("[data-bar]").hidden = count === 0;
  one("[data-picked]").textContent = count ? named(count) : "";
}

function say(ids, text, isBad = false) {
  for (const id of ids) said.set(id, { text, isBad });
  showChosen();
}

async function actOnMany(name) {
  const author = rememberedName();
  const reason = one("[data-reason]").value.trim().replace(/\s+/g, " ") || REASONS[name] || "";
  if (!author) { one("#me").focus(); toast("Who are you? Give your name at the top: it is kept in the history.", "bad"); return; }
  if (!reason) { one("[data-reason]").focus(); toast("Say why, for the history.", "bad"); return; }
  const ids = rows().map((row) => row.dataset.alert).filter((id) => chosen.has(id));
  const body = { command: name, alert_ids: ids, reason, author };
  if (name === "silence") body.minutes = Number(one("[data-minutes]").value);
  const buttons = all("[data-bar] button");
  buttons.forEach((button) => { button.disabled = true; });
  say(ids, "sending …");
  try {
    await followMany(name, await send("POST", "/api/alerts", body));
  } catch (error) {
    say(ids, "not sent", true);
    for (const each of error.problems || []) say([each.place], `refused: ${each.finding}`, true);
    toast(error.message, "bad");
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

// Sent is not done. Each alert is its own message, and says for itself what became of it.
async function followMany(name, sent) {
  const waiting = new Map();
  let refused = 0;
  for (const each of sent.alerts) {
    if (each.outcome === "sent") { waiting.set(each.message_id, each.alert_id); say([each.alert_id], "sent …"); }
    else if (each.outcome === "unchanged") { chosen.delete(each.alert_id); say([each.alert_id], `${MANY[name]} already`); }
    else { refused += 1; say([each.alert_id], `refused: ${each.detail}`, true); }
  }
  const until = Date.now() + GIVE_UP_MS;
  let found = { problems: [], taken_in: 0 };
  for (let look = 0; waiting.size && Date.now() < until; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS[Math.min(look, LOOK_MS.length - 1)]));
    try { found = await send("GET", sent.outcome_url); } catch { continue; }
    if (found.taken_in >= sent.message_ids.length) break;
  }
  if (waiting.size && found.taken_in < sent.message_ids.length) {
    say(waiting.values(), "sent, not ingested yet", true);
    toast("Sent, but nothing has ingested it yet. Is the product running (make run)? It will be done then.", "bad");
    return;
  }
  let done = 0;
  for (const [id, alert] of waiting) {
    const problem = found.problems.find((each) => each.message_id === id);
    if (problem) { refused += 1; say([alert], `refused: ${problem.detail || problem.reason}`, true); continue; }
    done += 1;
    chosen.delete(alert);
    say([alert], MANY[name]);
  }
  if (done) toast(`${named(done)} ${MANY[name]}.`, "good");
  if (refused) toast(`${named(refused)} refused; each says why, and stays chosen.`, "bad");
  if (!chosen.size) one("[data-reason]").value = "";
  await settled();
}

function setUpMany() {
  if (!one("[data-bar]")) return;
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("[data-all]")) for (const row of rows()) if (one("[data-pick]", row)) chosen[box.checked ? "add" : "delete"](row.dataset.alert);
    if (box.matches("[data-pick]")) chosen[box.checked ? "add" : "delete"](box.closest("tr").dataset.alert);
    if (box.matches("[data-all], [data-pick]")) showChosen();
  });
  // The list renews itself: what was chosen stays so, as far as it is still there.
  document.addEventListener("renewed", showChosen);
  for (const button of all("[data-many]")) button.addEventListener("click", () => actOnMany(button.dataset.many));
  one("[data-none]").addEventListener("click", () => { chosen.clear(); showChosen(); });
  // A browser keeps what was chosen when one comes back.
  for (const box of boxes()) if (box.checked) chosen.add(box.closest("tr").dataset.alert);
  showChosen();
}
setUpMany();
