// Sends the drawing to the program that serves this page, at most twenty times a second and one at a time, and shows what comes back.

import * as paper from './paper.js';
import { show, showNothing } from './answer.js';

const leastWait = 50;
const waitAfterTrouble = 1000;
const invitation = 'Draw with a mouse, a pen or a finger.';
const silence = 'The program does not answer. Is cnn serve still running?';

// what the program says of the model, once it has said it
let model = null;
// the class that was pressed; null for that of the answer
let asked = null;
// how often the drawing was begun anew: answers to an earlier one come too late
let drawing = 0;

let isWanted = false;
let isAsking = false;

function ask() {
  isWanted = true;
  if (!isAsking) askUntilDone();
}

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function askUntilDone() {
  isAsking = true;
  while (isWanted) {
    isWanted = false;
    await pause(paper.isEmpty() ? forget() : await askOnce());
  }
  isAsking = false;
}

function forget() {
  asked = null;
  showNothing(invitation);
  return 0;
}

// null where nothing came, and else the response
async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    return null;
  }
}

async function learnModel() {
  const response = await request('model');
  if (response?.ok) model = await response.json();
}

// gives how long to wait before the next one
async function askOnce() {
  if (!model) await learnModel();
  const begun = drawing;
  const response =
    model &&
    (await request(asked === null ? 'answer' : `answer?class=${asked}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: paper.pixels(),
    }));
  if (!response || response.status === 429) {
    if (!response) showNothing(silence);
    isWanted = true;
    return waitAfterTrouble;
  }
  const answer = await response.json();
  // the page was cleared while the answer was under way: what is on it now is asked for next
  if (begun !== drawing) return 0;
  if (response.ok) show(model, answer, asked, press);
  else showNothing(answer.error);
  return leastWait;
}

function press(label) {
  asked = asked === label ? null : label;
  ask();
}

document.getElementById('clear').addEventListener('click', () => {
  drawing++;
  paper.clear();
  ask();
});

document.getElementById('undo').addEventListener('click', () => {
  paper.undo();
  if (paper.isEmpty()) drawing++;
  ask();
});

paper.listen(ask);
// the model is named before anything is drawn
await learnModel();
if (model) showNothing(invitation, model);
