// One finding's pixels while they are drawn: a canvas at the size of the film, and its runs as they are stored.

export class MaskCanvas {
  #pen;

  constructor(width, height, colour) {
    this.canvas = document.createElement("canvas");
    Object.assign(this.canvas, { width, height });
    this.#pen = this.canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.#pen, { fillStyle: colour, strokeStyle: colour, lineCap: "round", lineJoin: "round" });
    this.colour = colour;
  }

  /** A stroke from one point of the film to the next; an eraser takes away. */
  stroke(from, to, radius, { erases = false } = {}) {
    this.#drawing(erases, () => {
      this.#pen.lineWidth = 2 * radius;
      this.#pen.beginPath();
      this.#pen.moveTo(from.x, from.y);
      this.#pen.lineTo(to.x + 0.01, to.y); // a stroke of no length draws no dot
      this.#pen.stroke();
    });
  }

  /** Fill outlines, their own pixels included. */
  fill(polygons) {
    this.#pen.lineWidth = 1;
    for (const points of polygons) {
      this.#pen.beginPath();
      for (const [x, y] of points) this.#pen.lineTo(x + 0.5, y + 0.5);
      this.#pen.closePath();
      this.#pen.fill();
      this.#pen.stroke();
    }
  }

  /** {size, counts} as pedaxr.clinic.annotate.Mask: down the columns, first those outside. */
  get runs() {
    const { width, height } = this.canvas;
    const { data } = this.#pen.getImageData(0, 0, width, height);
    const counts = [];
    let [inside, length] = [false, 0];
    for (let x = 0; x < width; x += 1) {
      for (let y = 0, at = 4 * x + 3; y < height; y += 1, at += 4 * width) {
        if (data[at] > 127 !== inside) {
          counts.push(length);
          [inside, length] = [!inside, 0];
        }
        length += 1;
      }
    }
    counts.push(length);
    return { size: [height, width], counts };
  }

  set runs({ counts }) {
    const { width, height } = this.canvas;
    const picture = new ImageData(width, height);
    const [red, green, blue] = rgbOf(this.colour);
    let at = 0;
    counts.forEach((count, i) => {
      for (const end = at + count; at < end; at += 1) {
        if (i % 2 === 0) continue;
        const pixel = 4 * ((at % height) * width + Math.floor(at / height));
        picture.data.set([red, green, blue, 255], pixel);
      }
    });
    this.#pen.putImageData(picture, 0, 0);
  }

  #drawing(erases, draw) {
    this.#pen.globalCompositeOperation = erases ? "destination-out" : "source-over";
    draw();
    this.#pen.globalCompositeOperation = "source-over";
  }
}

/** Pixels inside. */
export const areaOf = ({ counts }) => counts.reduce((sum, count, i) => sum + (i % 2 ? count : 0), 0);

const rgbOf = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
