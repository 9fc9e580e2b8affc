// The paper: strokes of a mouse, a pen or a finger, and the grey pixels that they leave.

const paper = document.getElementById('paper');
const ink = paper.getContext('2d', { willReadFrequently: true });

// of 280 pixels: as thick as the strokes of MNIST, whose images are ten times smaller
const strokeWidth = 22;

const strokes = [];
// the stroke that is being drawn, and the pointer that draws it
let current = null;
let pointer = null;

export const isEmpty = () => strokes.length === 0;

/** The pixels, row by row, a byte each. */
export function pixels() {
  const colours = ink.getImageData(0, 0, paper.width, paper.height).data;
  return Uint8Array.from({ length: paper.width * paper.height }, (_, i) => colours[4 * i]);
}

export function clear() {
  lift();
  strokes.length = 0;
  redraw();
}

/** Takes the last stroke back. */
export function undo() {
  lift();
  strokes.pop();
  redraw();
}

/** Calls a function whenever there is more ink. */
export function listen(changed) {
  redraw();

  paper.addEventListener('pointerdown', event => {
    // a second finger, or the palm of the hand that draws, draws nothing
    if (event.button !== 0 || !event.isPrimary || current) return;
    pointer = event.pointerId;
    paper.setPointerCapture(pointer);
    current = [placeOf(event)];
    strokes.push(current);
    drawDot(current[0]);
    changed();
  });

  paper.addEventListener('pointermove', event => {
    if (!current || event.pointerId !== pointer) return;
    // a fast hand moves several times between two events
    const moves = event.getCoalescedEvents();
    for (const move of moves.length > 0 ? moves : [event]) {
      const point = placeOf(move);
      drawLine(current.at(-1), point);
      current.push(point);
    }
    changed();
  });

  for (const end of ['pointerup', 'pointercancel'])
    paper.addEventListener(end, event => {
      if (event.pointerId === pointer) lift();
    });
}

function lift() {
  current = null;
  pointer = null;
}

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
