// Lists what the description has, and asks it. Text only: nothing an answer holds becomes markup.
"use strict";

const make = (name, text, more = {}) => Object.assign(document.createElement(name), text === null ? {} : { textContent: text }, more);

const field = (form, name, about, isRequired) => {
  const label = make("label", name + (isRequired ? " (needed)" : ""));
  const input = make("input", null, { name, placeholder: about || "" });
  label.append(input);
  form.append(label);
  return input;
};

const ask = async (method, address, body) => {
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = "Bearer " + token;
  if (body !== null) headers["Content-Type"] = "application/json";
  const answer = await fetch(address, { method, headers, body: body === null ? undefined : body });
  const text = await answer.text();
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON */ }
  const kept = ["etag", "lake-version", "retry-after"].map((name) => [name, answer.headers.get(name)]);
  const said = kept.filter(([, value]) => value).map(([name, value]) => name + ": " + value);
  return [method + " " + address, answer.status + " " + answer.statusText, ...said, "", shown].join("\n");
};

const show = (path, method, operation) => {
  const details = make("details", null);
  const summary = make("summary", null);
  summary.append(make("code", method.toUpperCase() + " " + path), " " + operation.summary);
  const form = make("form", null);
  const inputs = operation.parameters.map((each) => [each, field(form, each.name, each.schema.description, each.required)]);
  const area = operation.requestBody ? make("textarea", "{}") : null;
  if (area) form.append(area);
  const shown = make("pre", "");
  form.append(make("button", "Ask"), shown);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let address = path;
    const query = new URLSearchParams();
    for (const [each, input] of inputs) {
      if (each.in === "path") address = address.replace("{" + each.name + "}", encodeURIComponent(input.value));
      else if (input.value) query.set(each.name, input.value);
    }
    if ([...query].length) address += "?" + query;
    try { shown.textContent = await ask(method.toUpperCase(), address, area ? area.value : null); }
    catch (error) { shown.textContent = String(error); }
  });
  details.append(summary, form);
  return details;
};

const begin = async () => {
  const routes = document.getElementById("routes");
  const described = await (await fetch("/v1/openapi.json")).json();
  for (const [path, methods] of Object.entries(described.paths)) {
    if (path === "/" || path.startsWith("/try.")) continue;
    for (const [method, operation] of Object.entries(methods)) routes.append(show(path, method, operation));
  }
};

begin();
