// Shows an answer: classes and how probable they are, what the network is given, and what each layer makes of it.

const find = id => document.getElementById(id);

/** Shows an answer of a model; `press` is called with the class that is pressed, and `asked` is the one that was, or null. */
export function show(model, answer, asked, press) {
  const name = model.classes[answer.predicted];
  say(find('answer'), `${name}, ${percent(answer.probabilities[answer.predicted])}`);
  // a percentage changes many times a second, and nobody can hear that
  say(find('spoken'), name);
  showModel(model);
  showClasses(model, answer, asked, press);
  showReasons(model, answer);
  showLayers(model, answer);
  hide(false);
}

/** Shows a sentence, and nothing of an earlier answer; the classes stay, where a keyboard may stand on one of them. */
export function showNothing(sentence, model = null) {
  say(find('answer'), sentence);
  say(find('spoken'), sentence);
  if (model) showModel(model);
  for (const row of find('classes').children) {
    row.classList.remove('first', 'explained');
    row.firstElementChild.children[0].style.width = '0';
    say(row.firstElementChild.children[2], '');
  }
  hide(true);
}

function hide(isHidden) {
  for (const id of ['hint', 'reasons', 'layers']) find(id).hidden = isHidden;
}

const showModel = ({ architecture, parameters }) =>
  say(find('model'), `${architecture}: ${parameters.toLocaleString('en')} parameters`);

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

// the colours of a scale, made of their base64 once
const palettes = new Map();
function colours(model, name) {
  if (!palettes.has(name)) palettes.set(name, model.palettes[name] && bytesOf(model.palettes[name]));
  return palettes.get(name);
}

const percent = probability => `${(100 * probability).toFixed(1)} %`;

// so many children of a kind, made anew only where their number changes
function children(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) make(parent);
  return [...parent.children];
}

function paint(model, canvas, panel, index) {
  const { rows, columns } = panel;
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const levels = bytesOf(panel.maps[index]);
  const image = new ImageData(columns, rows);
  const plane = rows * columns;
  const palette = colours(model, panel.palette);
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

function paintPicture(model, figure, panel, index) {
  const [canvas, caption] = figure.children;
  paint(model, canvas, panel, index);
  canvas.setAttribute('aria-label', panel.title);
  say(caption, panel.title);
}

function showClasses(model, answer, asked, press) {
  const rows = children(find('classes'), model.classes.length, list => {
    const label = list.children.length;
    const button = create('button', create('li', list));
    button.type = 'button';
    create('i', button);
    create('span', button).textContent = model.classes[label];
    create('span', button);
    button.addEventListener('click', () => press(label));
  });
  rows.forEach((row, label) => {
    const button = row.firstElementChild;
    const probability = answer.probabilities[label];
    row.classList.toggle('first', label === answer.predicted);
    row.classList.toggle('explained', label === answer.explained);
    button.setAttribute('aria-pressed', String(label === asked));
    button.children[0].style.width = `${100 * probability}%`;
    say(button.children[2], percent(probability));
  });
  // of many classes, the answer is to be seen; without moving the page
  const list = find('classes');
  const first = rows[answer.predicted];
  if (first.offsetTop < list.scrollTop || first.offsetTop + first.offsetHeight > list.scrollTop + list.clientHeight)
    list.scrollTop = first.offsetTop - list.clientHeight / 2;
}

function showReasons(model, answer) {
  const panels = [answer.input, answer.saliency];
  // the channels of a coloured input lie upon each other, those of its saliency side by side
  const pictures = panels.flatMap(panel => panel.maps.map((_, index) => [panel, index]));
  children(find('pictures'), pictures.length, picture).forEach((figure, i) => paintPicture(model, figure, ...pictures[i]));
  children(find('steps'), answer.steps.length, list => create('li', list)).forEach((item, i) =>
    say(item, `${answer.steps[i].name}: ${answer.steps[i].finding}`)
  );
}

function showLayers(model, answer) {
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
      (canvas, index) => paint(model, canvas, maps, index)
    );
    if (heat) {
      if (row.children.length < 2) row.prepend(picture(row));
      paintPicture(model, row.firstElementChild, heat, 0);
      say(row.firstElementChild.lastElementChild, `what speaks for ${model.classes[answer.explained]}`);
    }
    say(scale, `from ${maps.least.toPrecision(3)} (blue) to ${maps.largest.toPrecision(3)} (yellow)`);
  });
}
