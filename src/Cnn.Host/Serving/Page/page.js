'use strict';

// Sends the drawing to the program that serves this page, at most twenty times a second and one at a time, and shows what comes back.

const find = id => document.getElementById(id);
const paper = find('paper');
const ink = paper.getContext('2d', { willReadFrequently: true });

// of 280 pixels: as thick as the strokes of MNIST, whose images are ten times smaller
const strokeWidth = 22;
const leastWait = 50;

let model;
const strokes = [];
let current = null;
// the class that was pressed; null for that of the answer
let asked = null;

// ---- drawing ------------------------------------------------------------------------------------

function placeOf(event) {
  const box = paper.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * paper.width) / box.width,
    ((event.clientY - box.top) * paper.height) / box.height,
  ];
}

// a stroke without length, as of a tap, is a dot
function drawDot([x, y]) {
  ink.fillStyle = '#fff';
  ink.beginPath();
  ink.arc(x, y, strokeWidth / 2, 0, 2 * Math.PI);
  ink.fill();
}

function drawLine(from, to) {
  ink.strokeStyle = '#fff';
  ink.lineWidth = strokeWidth;
  ink.lineCap = 'round';
  ink.beginPath();
  ink.moveTo(...from);
  ink.lineTo(...to);
  ink.stroke();
}

function redraw() {
  ink.fillStyle = '#000';
  ink.fillRect(0, 0, paper.width, paper.height);
  for (const stroke of strokes) {
    drawDot(stroke[0]);
    stroke.slice(1).forEach((point, i) => drawLine(stroke[i], point));
  }
}

paper.addEventListener('pointerdown', event => {
  if (event.button !== 0) return;
  paper.setPointerCapture(event.pointerId);
  current = [placeOf(event)];
  strokes.push(current);
  drawDot(current[0]);
  ask();
});

paper.addEventListener('pointermove', event => {
  if (!current) return;
  // a fast hand moves several times between two events
  const moves = event.getCoalescedEvents();
  for (const move of moves.length > 0 ? moves : [event]) {
    const point = placeOf(move);
    drawLine(current.at(-1), point);
    current.push(point);
  }
  ask();
});

for (const end of ['pointerup', 'pointercancel'])
  paper.addEventListener(end, () => {
    current = null;
  });

find('clear').addEventListener('click', () => {
  strokes.length = 0;
  asked = null;
  redraw();
  ask();
});

find('undo').addEventListener('click', () => {
  strokes.pop();
  redraw();
  ask();
});

// ---- asking -------------------------------------------------------------------------------------

let isWanted = false;
let isAsking = false;

function ask() {
  isWanted = true;
  if (!isAsking) askUntilDone();
}

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function askUntilDone() {
  isAsking = true;
  await ready;
  while (isWanted) {
    isWanted = false;
    if (strokes.length === 0) {
      showNothing('Draw with a mouse, a pen or a finger.');
      continue;
    }
    const wait = await askOnce();
    await pause(wait);
  }
  isAsking = false;
}

async function askOnce() {
  const colours = ink.getImageData(0, 0, paper.width, paper.height).data;
  const pixels = new Uint8Array(paper.width * paper.height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colours[4 * i];
  try {
    const response = await fetch(asked === null ? 'answer' : `answer?class=${asked}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: pixels,
    });
    if (response.status === 429) {
      isWanted = true;
      return 1000;
    }
    const answer = await response.json();
    if (strokes.length === 0) return 0;
    if (response.ok) show(answer);
    else showNothing(answer.error);
  } catch {
    showNothing('The program does not answer. Is cnn serve still running?');
  }
  return leastWait;
}

// ---- showing ------------------------------------------------------------------------------------

function create(name, parent, className) {
  const element = document.createElement(name);
  if (className) element.className = className;
  parent.append(element);
  return element;
}

// the text of an element, changed only where it is another: a screen reader reads what changes
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const bytesOf = base64 => Uint8Array.from(atob(base64), character => character.charCodeAt(0));

const percent = probability => `${(100 * probability).toFixed(1)} %`;

// so many children of a kind, made anew only where their number changes
function children(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) make(parent);
  return [...parent.children];
}

function paint(canvas, panel, index) {
  const { rows, columns } = panel;
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const levels = bytesOf(panel.maps[index]);
  const image = new ImageData(columns, rows);
  const plane = rows * columns;
  const palette = model.colours[panel.palette];
  for (let i = 0; i < plane; i++)
    for (let channel = 0; channel < 4; channel++)
      image.data[4 * i + channel] =
        channel === 3 ? 255 : palette ? palette[3 * levels[i] + channel] : levels[channel * plane + i];
  canvas.getContext('2d').putImageData(image, 0, 0);
}

function picture(parent) {
  const figure = create('figure', parent);
  create('canvas', figure).setAttribute('role', 'img');
  create('figcaption', figure);
  return figure;
}

function paintPicture(figure, panel, index) {
  const [canvas, caption] = figure.children;
  paint(canvas, panel, index);
  canvas.setAttribute('aria-label', panel.title);
  say(caption, panel.title);
}

function showClasses(answer) {
  const rows = children(find('classes'), model.classes.length, list => {
    const label = list.children.length;
    const button = create('button', create('li', list));
    button.type = 'button';
    create('i', button);
    create('span', button).textContent = model.classes[label];
    create('span', button);
    button.addEventListener('click', () => {
      asked = asked === label ? null : label;
      ask();
    });
  });
  rows.forEach((row, label) => {
    const button = row.firstElementChild;
    const probability = answer.probabilities[label];
    row.classList.toggle('first', label === answer.predicted);
    button.setAttribute('aria-pressed', String(label === answer.explained));
    button.children[0].style.width = `${100 * probability}%`;
    say(button.children[2], percent(probability));
  });
}

function showReasons(answer) {
  const panels = [answer.input, answer.saliency];
  // the channels of a coloured input lie upon each other, those of its saliency side by side
  const pictures = panels.flatMap(panel => panel.maps.map((_, index) => [panel, index]));
  children(find('pictures'), pictures.length, picture).forEach((figure, i) => paintPicture(figure, ...pictures[i]));
  children(find('steps'), answer.steps.length, list => create('li', list)).forEach((item, i) =>
    say(item, `${answer.steps[i].name}: ${answer.steps[i].finding}`)
  );
}

function showLayers(answer) {
  const views = children(find('views'), answer.layers.length, parent => {
    const view = create('article', parent);
    create('h3', view);
    create('div', create('div', view, 'view'), 'maps');
    create('p', view, 'scale');
  });
  views.forEach((view, i) => {
    const { maps, heat } = answer.layers[i];
    const [title, row, scale] = view.children;
    say(title, maps.title);
    const grid = row.lastElementChild;
    grid.classList.toggle('flat', maps.rows === 1);
    children(grid, maps.maps.length, parent => create('canvas', parent).setAttribute('aria-hidden', 'true')).forEach(
      (canvas, index) => paint(canvas, maps, index)
    );
    if (heat) {
      if (row.children.length < 2) row.prepend(picture(row));
      paintPicture(row.firstElementChild, heat, 0);
      say(row.firstElementChild.lastElementChild, `what speaks for ${model.classes[answer.explained]}`);
    }
    say(scale, `from ${maps.least.toPrecision(3)} (blue) to ${maps.largest.toPrecision(3)} (yellow)`);
  });
}

function show(answer) {
  const name = model.classes[answer.predicted];
  say(find('answer'), `${name}, ${percent(answer.probabilities[answer.predicted])}`);
  showClasses(answer);
  showReasons(answer);
  showLayers(answer);
  for (const id of ['hint', 'reasons', 'layers']) find(id).hidden = false;
}

function showNothing(sentence) {
  say(find('answer'), sentence);
  find('classes').replaceChildren();
  for (const id of ['hint', 'reasons', 'layers']) find(id).hidden = true;
}

async function start() {
  redraw();
  const description = await (await fetch('model')).json();
  const colours = Object.fromEntries(
    Object.entries(description.palettes).map(([name, palette]) => [name, bytesOf(palette)])
  );
  model = { classes: description.classes, colours };
  say(find('model'), `${description.architecture}: ${description.parameters.toLocaleString('en')} parameters`);
}

const ready = start().catch(() => say(find('answer'), 'The program does not answer. Is cnn serve still running?'));
