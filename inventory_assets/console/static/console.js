"use strict";
// The console's own script: who you are, buttons, dry runs, and pages that renew themselves. No library.

const RENEW_MS = 4000;
// Ages and clocks go on, also where the console says that nothing has changed.
const TOLD_MS = 15000;
const AGAIN_MS = 30000;
const SAY_MS = 30000;
const WATCH_MS = 1500;
const GIVE_UP_MS = 90000;
const REASONS = { ack: "seen" };
const TITLES = {
  ack: "Acknowledge", silence: "Silence", unsilence: "End the silence", note: "Add a note",
  escalate: "Ask for more hands", resolve: "Close by hand",
};
const ABOUT = {
  ack: "It is yours: it is not repeated and not raised while you see to it.",
  silence: "Nobody is notified of it for a while. What is still wrong at the end is notified once.",
  unsilence: "From now on it is notified again.",
  note: "A line for whoever looks at this next.",
  escalate: "It is raised a level and notified again.",
  resolve: "It stays closed until the stock has recovered and falls anew, or gets worse.",
};

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- who you are

function rememberedName() {
  // Who says nothing is who the token was made for.
  const holder = one("#me")?.dataset.holder || "";
  try { return localStorage.getItem("author") || holder; } catch { return holder; }
}
function rememberName(name) {
  try { localStorage.setItem("author", name); } catch { /* a browser may keep nothing */ }
  const field = one("#me");
  if (field) field.value = name;
}
function setUpName() {
  const field = one("#me");
  if (!field) return;
  field.value = rememberedName();
  field.addEventListener("change", () => rememberName(field.value.trim()));
  one("[data-me]").addEventListener("submit", (event) => {
    if (!event.submitter || !event.submitter.hasAttribute("formaction")) event.preventDefault();
  });
}

// ---- words at the edge of the page

function toast(text, kind = "") {
  const shown = document.createElement("div");
  shown.className = `toast ${kind}`;
  shown.textContent = text;
  one("#toasts").append(shown);
  setTimeout(() => shown.remove(), kind === "bad" ? 15000 : 7000);
  return shown;
}

// ---- sending

async function send(method, url, body, headers = {}) {
  const isText = typeof body === "string";
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined || isText ? {} : { "Content-Type": "application/json" }), ...headers },
    body: body === undefined || isText ? body : JSON.stringify(body),
  });
  let found = {};
  try { found = await response.json(); } catch { /* not ours: a proxy's page */ }
  if (!response.ok) {
    const error = new Error(found.error || `the console answered ${response.status}`);
    error.problems = found.problems || [];
    throw error;
  }
  return found;
}

// Sent is not done: the burst loop takes it in. Look until it has, and say what became of it.
async function follow(sent, what) {
  if (sent.status === "unchanged") { toast(`${what}: it was so already.`); return true; }
  const shown = toast(`${what}: sent, waiting until it is ingested …`);
  const until = Date.now() + GIVE_UP_MS;
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    let found;
    try { found = await send("GET", sent.outcome_url); } catch { continue; }
    if (found.outcome === "pending") continue;
    shown.remove();
    if (found.outcome === "applied") { toast(`${what}: done.`, "good"); await settled(); return true; }
    if (found.outcome === "superseded") { toast(`${what}: somebody else was faster, or it was so already.`); await settled(); return true; }
    toast(`${what}: refused. ${found.problems.map((each) => each.detail || each.reason).join("; ")}`, "bad");
    await settled();
    return false;
  }
  shown.remove();
  toast(`${what}: sent, but nothing has ingested it yet. Is the product running (make run)? It will be done then.`, "bad");
  return false;
}

// A page may be a second old: many look at the same one.
async function settled() {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  renew(true);
}

// ---- acting on an alert or incident

function setUpActions() {
  const dialog = one("#act");
  if (!dialog) return;
  const form = one("form", dialog);
  let target = null;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const holder = button.closest("[data-alert], [data-incident]");
    const name = button.dataset.act;
    target = { name, alert: holder.dataset.alert, incident: holder.dataset.incident };
    one("#act-title").textContent = TITLES[name];
    one("[data-act-subject]").textContent = holder.dataset.name || "";
    one("[data-act-about]").textContent = ABOUT[name];
    one("[data-error]", dialog).hidden = true;
    one('[data-field="minutes"]', dialog).hidden = name !== "silence";
    one('[data-field="url"]', dialog).hidden = name !== "note";
    one("[data-reason-label]", dialog).textContent = name === "note" ? "Note" : name === "ack" ? "Why (optional)" : "Why";
    form.reason.value = "";
    form.url.value = "";
    form.author.value = rememberedName();
    dialog.showModal();
    (form.author.value ? form.reason : form.author).focus();
  });
  form.addEventListener("submit", async (event) => {
    if (event.submitter && event.submitter.value === "cancel") return;
    event.preventDefault();
    const body = { author: form.author.value.trim(), reason: form.reason.value.trim().replace(/\s+/g, " ") };
    const link = form.url.value.trim();
    if (target.name === "note" && link) body.reason = body.reason ? `${body.reason} ${link}` : `post-mortem: ${link}`;
    if (target.name === "silence") body.minutes = Number(form.minutes.value);
    body.reason = body.reason || REASONS[target.name] || "";
    const complain = (text) => { const line = one("[data-error]", dialog); line.textContent = text; line.hidden = false; };
    if (!body.author) return complain("Who are you? It is kept in the history.");
    if (!body.reason) return complain(target.name === "note" ? "Write something, or give a link." : "Say why, for the history.");
    rememberName(body.author);
    const go = event.submitter;
    if (go) go.disabled = true;
    try {
      const path = target.alert !== undefined ? `/api/alerts/${encodeURIComponent(target.alert)}/${target.name}` : `/api/incidents/${encodeURIComponent(target.incident)}/note`;
      const sent = await send("POST", path, body);
      dialog.close();
      follow(sent, TITLES[target.name]);
    } catch (error) {
      complain(error.message);
    } finally {
      if (go) go.disabled = false;
    }
  });
}

// ---- pages that renew themselves

let isRenewing = false;
let mark = null;
async function renew(isAsked = false) {
  const parts = all("[data-live]");
  if (!parts.length || isRenewing || document.hidden || (one("dialog[open]") && !isAsked)) return;
  isRenewing = true;
  try {
    const response = await fetch(location.href, { headers: mark ? { "If-None-Match": mark } : {}, cache: "no-store" });
    if (response.status !== 200) return;
    mark = response.headers.get("ETag");
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    document.title = next.title;
    const known = new Set(all("[data-alert]").map((each) => each.dataset.alert));
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
    for (const part of parts) {
      const fresh = one(`[data-live="${part.dataset.live}"]`, next);
      if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceWith(document.adoptNode(fresh));
    }
    for (const each of all("[data-alert]")) if (known.size && !known.has(each.dataset.alert)) each.classList.add("fresh");
    readOut();
    document.dispatchEvent(new Event("renewed"));
    if (focused) { const again = all("[data-key]").find((each) => each.dataset.key === focused); if (again) again.focus(); }
  } catch {
    // The console is being started again: the next look will tell.
  } finally {
    isRenewing = false;
  }
}

// Read out to who cannot see it: only another number of what somebody acts on, and not all the time.
let read = null;
let readAt = 0;
let behind = null;
function readOut() {
  const news = one("#news");
  if (!news) return;
  const now = one("[data-say]")?.textContent || "";
  const late = one("[data-behind]")?.dataset.behind || "";
  const words = [];
  if (behind !== null && late !== behind) words.push(late ? one("[data-behind]").textContent.replace(/\s+/g, " ").trim() : "No longer stale.");
  if (read !== null && now !== read && Date.now() - readAt >= SAY_MS) { words.push(now); }
  if (read === null || words.includes(now)) { read = now; readAt = Date.now(); }
  behind = late;
  if (words.length) news.textContent = words.join(" ");
}

async function renewBehind() {
  const place = one("#behind");
  if (!place || document.hidden) return;
  try {
    const response = await fetch("/part/behind", { cache: "no-store" });
    if (!response.ok || response.redirected) return;
    const found = new DOMParser().parseFromString(await response.text(), "text/html").body;
    if (found.innerHTML.trim() !== place.innerHTML.trim()) place.replaceChildren(...[...found.childNodes].map((each) => document.adoptNode(each)));
    readOut();
  } catch {
    // As above.
  }
}

// The console says when there is something newer; where it cannot, the page asks. Only one that is looked at holds a
// connection: a browser has six for each address.
function keepUp() {
  const every = Number(one("[data-every]")?.dataset.every) || RENEW_MS;
  const look = one("[data-live=list]") ? renew : renewBehind;
  let source = null;
  let mark_ = null;
  let lookedAt = Date.now();
  let timer = null;
  const soon = () => {
    if (timer !== null) return;
    timer = setTimeout(() => { timer = null; lookedAt = Date.now(); look(); }, Math.max(0, every - (Date.now() - lookedAt)));
  };
  const open = () => {
    if (source || document.hidden || !window.EventSource || !one("#behind")) return;
    source = new EventSource("/news");
    source.addEventListener("changed", (event) => { if (mark_ !== null && event.data !== mark_) soon(); mark_ = event.data; });
    source.onerror = () => { if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(open, AGAIN_MS); } };
  };
  const close = () => { if (source) source.close(); source = null; };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else { open(); soon(); } });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
  setInterval(() => {
    const isTold = source && source.readyState === EventSource.OPEN;
    const wait = isTold ? TOLD_MS : look === renew ? RENEW_MS : TOLD_MS;
    if (Date.now() - lookedAt >= wait) soon();
  }, 1000);
}

async function fetchParts() {
  for (const place of all("[data-fetch]")) {
    try {
      const response = await fetch(place.dataset.fetch);
      const found = new DOMParser().parseFromString(await response.text(), "text/html");
      if (response.ok) place.replaceChildren(...[...found.body.childNodes].map((each) => document.adoptNode(each)));
      else place.textContent = "This could not be worked out just now.";
    } catch {
      place.textContent = "The console does not answer.";
    }
  }
}

// ---- rules: what would change, then the change

function documentOf(form) {
  const text = (name) => (form.elements[name] ? form.elements[name].value.trim() : "");
  const document_ = JSON.parse(form.dataset.document || "{}");
  for (const name of ["level_type", "level_id", "warehouse_id"]) if (text(name)) document_[name] = text(name);
  for (const name of ["min_threshold_qty", "reorder_threshold_qty", "min_threshold_days", "reorder_threshold_days", "floor_qty", "ceiling_qty", "service_level"]) {
    if (text(name)) document_[name] = Number(text(name)); else delete document_[name];
  }
  if (text("mode") === "dynamic") document_.mode = "dynamic";
  else for (const name of ["mode", "service_level", "floor_qty", "ceiling_qty"]) delete document_[name];
  const settings = document_.alert_settings || {};
  settings.enabled = text("enabled") !== "false";
  if (text("cooldown")) settings.cooldown_period_minutes = Number(text("cooldown"));
  if (text("channel")) settings.notification_channel = text("channel"); else delete settings.notification_channel;
  const recipients = text("recipients").split(/[,;\s]+/).filter(Boolean);
  if (recipients.length) settings.recipients = recipients; else delete settings.recipients;
  document_.alert_settings = settings;
  return document_;
}

function showTrial(place, found) {
  place.hidden = false;
  const lines = [one("template#trial").content.cloneNode(true)];
  place.replaceChildren(...lines);
  one("[data-summary]", place).textContent = found.summary.charAt(0).toUpperCase() + found.summary.slice(1);
  const list = one("[data-edits]", place);
  for (const each of found.edits.slice(0, 50)) {
    const line = document.createElement("li");
    const scope = [each.level_type, each.level_id].filter(Boolean).join(" ") + (each.warehouse_id ? ` at ${each.warehouse_id}` : "");
    line.textContent = `${scope}: ${each.action}${each.change ? `, ${each.change.replaceAll("->", "→")}` : ""} (${each.keys} ${each.keys === 1 ? "key" : "keys"})`;
    list.append(line);
  }
  for (const each of found.alerts.slice(0, 10)) {
    const line = document.createElement("li");
    line.textContent = `${each.step === "resolved" ? "resolves" : "opens"} ${each.alert_type.replace("_", " ").toLowerCase()}: ${each.sku} at ${each.warehouse_id}`;
    list.append(line);
  }
}

function showProblems(place, error) {
  place.hidden = false;
  place.replaceChildren();
  const line = document.createElement("p");
  line.className = "error";
  line.setAttribute("role", "alert");
  line.textContent = error.message;
  const list = document.createElement("ul");
  for (const each of error.problems || []) {
    const item = document.createElement("li");
    item.textContent = [each.place, each.finding].filter(Boolean).join(": ");
    list.append(item);
  }
  place.append(line, list);
}

function setUpRules() {
  for (const form of all("[data-rule-form], [data-import-form]")) {
    const trial = one("[data-trial]", form);
    const save = one("[data-save]", form);
    const isImport = form.hasAttribute("data-import-form");
    form.elements.author.value = rememberedName();
    form.addEventListener("input", () => { save.disabled = true; });
    const request = async (isDry, action) => {
      const author = form.elements.author.value.trim();
      const reason = form.elements.reason.value.trim().replace(/\s+/g, " ");
      const query = new URLSearchParams({ dry_run: String(isDry) });
      if (action === "delete") {
        const document_ = documentOf(form);
        for (const name of ["level_type", "level_id", "warehouse_id"]) if (document_[name]) query.set(name, document_[name]);
        query.set("reason", reason);
        return send("DELETE", `/api/thresholds?${query}`, undefined, { "X-Author": encodeURIComponent(author) });
      }
      if (isImport) {
        if (reason) query.set("reason", reason);
        if (form.elements.prune.checked) query.set("prune", "true");
        const file = form.elements.file.files[0];
        if (!file) throw new Error("choose a file first");
        const types = { csv: "text/csv", json: "application/json", jsonl: "application/x-ndjson", ndjson: "application/x-ndjson", yaml: "application/yaml", yml: "application/yaml" };
        const type = types[file.name.split(".").pop().toLowerCase()];
        if (!type) throw new Error("the file was no .csv, .json, .jsonl, .yaml or .yml");
        return send("POST", `/api/thresholds/import?${query}`, await file.text(), { "Content-Type": type, "X-Author": encodeURIComponent(author) });
      }
      return send("PUT", `/api/thresholds?${query}`, { ...documentOf(form), author, reason });
    };
    let action = "put";
    const run = async (isDry) => {
      const author = form.elements.author.value.trim();
      if (!author) return showProblems(trial, new Error("Who are you? It is kept in the history."));
      rememberName(author);
      const buttons = all("button", form);
      buttons.forEach((each) => { each.disabled = true; });
      trial.hidden = false;
      trial.textContent = isDry ? "Working out what would change …" : "Sending …";
      let isReady = false;
      try {
        const found = await request(isDry, action);
        if (isDry) { showTrial(trial, found); isReady = found.edits.length > 0; }
        else { trial.textContent = ""; if (await follow(found, action === "delete" ? "Delete the rule" : "Save")) location.reload(); }
      } catch (error) {
        showProblems(trial, error);
      } finally {
        buttons.forEach((each) => { each.disabled = false; });
        save.disabled = !isReady;
        save.textContent = action === "delete" ? "Delete" : "Save";
      }
    };
    one("[data-try]", form).addEventListener("click", () => { action = "put"; run(true); });
    const remove = one("[data-delete]", form);
    if (remove) remove.addEventListener("click", () => { action = "delete"; run(true); });
    form.addEventListener("submit", (event) => { event.preventDefault(); if (!save.disabled) run(false); else { action = "put"; run(true); } });
  }
  for (const select of all("[data-mode]")) {
    const show = () => all("[data-dynamic]").forEach((each) => { each.hidden = select.value !== "dynamic"; });
    select.addEventListener("change", show);
    show();
  }
}

function setUp() {
  setUpName();
  setUpActions();
  setUpRules();
  fetchParts();
  for (const form of all("[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
    // Empty fields would only make a long address.
    form.addEventListener("formdata", (event) => { for (const [name, value] of [...event.formData]) if (!value || (name === "state" && value === "firing") || (name === "sort" && value === "worst")) event.formData.delete(name); });
  }
  readOut();
  keepUp();
  if (one("[data-retry]")) setTimeout(() => location.reload(), RENEW_MS);
}
setUp();
