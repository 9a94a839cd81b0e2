// Shows one image after another and sends the answers. The server tells which images were refined only after the
// last answer.
"use strict";

const at = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(0)} %`;
let state = null;
let ready = false; // whether an answer is accepted: the next image is on the screen
let begun = false; // whether the person has left the examples
let following = null; // {test, place, image}: the next image, loading

async function request(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const reply = await fetch(path, options);
  const content = await reply.json();
  if (!reply.ok && reply.status !== 409) throw new Error(content.error);
  return reply.ok ? content : null;
}

function showStatus(text, isError = false) {
  at("status").textContent = text;
  at("status").classList.toggle("error", isError);
}

// Not `disabled`: that would take the focus from people who answer with Tab and Enter.
function setReady(isReady) {
  ready = isReady;
  for (const id of ["real", "refined"]) at(id).setAttribute("aria-disabled", String(!isReady));
}

function showSection(section) {
  for (const id of ["sheets", "trial", "result"]) at(id).hidden = id !== section;
}

function picture(group, place, alt) {
  const image = new Image();
  image.alt = alt;
  image.src = `/image/${state.test}/${group}/${place}`;
  return image;
}

function load(place) {
  if (following?.test === state.test && following.place === place) return following.image;
  const image = picture("trial", place, `Image ${place + 1}`);
  following = { test: state.test, place, image };
  return image;
}

async function update(fresh) {
  if (fresh !== null && fresh.test !== state?.test) begun = fresh.next > 0;
  state = fresh ?? await request("/state"); // null: refused, because another tab has answered already
  if (state.result) return showResult();
  if (state.sheet && !at("sheet-real").hasChildNodes()) fillSheets();
  if (state.sheet && !begun) return showSheets();
  await showTrial();
}

function fillSheets() {
  for (const kind of ["real", "refined"]) {
    const images = Array.from({ length: state.sheet }, (_, place) => picture(kind, place, `A ${kind} image`));
    at(`sheet-${kind}`).replaceChildren(...images);
  }
}

function showSheets() {
  at("sheets").append(at("examples"));
  showSection("sheets");
  showStatus(`${state.sheet} real and ${state.sheet} refined images`);
  at("begin").focus();
}

async function showTrial() {
  const image = load(state.next);
  await image.decode();
  at("frame").replaceChildren(image);
  at("bar").max = state.trials;
  at("bar").value = state.next;
  at("again").hidden = !state.sheet;
  if (state.sheet) at("again-place").append(at("examples"));
  showSection("trial");
  showStatus(`${state.next + 1} of ${state.trials}`);
  setReady(true);
  if (state.next + 1 < state.trials) load(state.next + 1);
}

async function answer(kind) {
  if (!ready) return;
  setReady(false);
  await attempt(async () => update(await request("/answer", { test: state.test, trial: state.next, answer: kind })));
}

function showResult() {
  const result = state.result;
  showSection("result");
  showStatus(`All ${state.trials} images judged`);
  at("verdict").textContent = result.verdict;
  at("accuracy").textContent = `${result.correct} of ${state.trials} right: ${percent(result.accuracy)} `
    + `(95 % interval ${percent(result.interval[0])} to ${percent(result.interval[1])}), `
    + (result.p < 0.001 ? "p < 0.001." : `p = ${result.p.toFixed(3)}.`);
  const cells = document.querySelectorAll("#result td");
  result.table.flat().forEach((count, place) => { cells[place].textContent = count; });
  at("another").disabled = false;
  at("verdict").focus();
}

async function another() {
  at("another").disabled = true;
  showStatus("Drawing another test …");
  const test = state.test;
  await attempt(async () => {
    const fresh = await request("/another", { test });
    at("sheet-real").replaceChildren();
    at("sheet-refined").replaceChildren();
    await update(fresh);
  });
}

// The answers are on the server's disk, so that a page which is loaded anew after a failure continues the test.
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    showStatus(`No answer from the server (${error.message}). Is it running? Reload this page to go on.`, true);
    at("another").disabled = false;
  }
}

at("begin").addEventListener("click", () => { begun = true; attempt(showTrial); });
at("real").addEventListener("click", () => answer("real"));
at("refined").addEventListener("click", () => answer("refined"));
at("another").addEventListener("click", another);
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter") event.preventDefault(); // a key held down is one answer
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || at("trial").hidden) return;
  const kind = { ArrowLeft: "real", r: "real", R: "real", ArrowRight: "refined", f: "refined", F: "refined" }[event.key];
  if (!kind) return;
  event.preventDefault();
  answer(kind);
});
attempt(async () => update(await request("/state")));
