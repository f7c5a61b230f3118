// Keys of the page. A key typed into a field, or with Ctrl, Alt or Cmd, is left alone.

const ARROWS = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };

/** Call `shortcuts[key]()`; arrows call `pan(dx, dy)` while a film has the focus. */
export function listenToKeys(shortcuts, pan) {
  document.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const arrow = event.target.classList.contains("pane") && ARROWS[event.key];
    const act = arrow ? () => pan(...arrow) : shortcuts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

const isTyping = (node) => node.matches("input:not([type=checkbox], [type=range]), textarea, select");
