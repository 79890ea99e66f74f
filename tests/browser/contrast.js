// Finds texts of the page whose contrast with what is behind them is too low.
() => {
  const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const over = (top, alpha, below) => top.map((value, i) => value * alpha + below[i] * (1 - alpha));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const [r, g, b, a = 1] = parse(getComputedStyle(element).backgroundColor);
    const behind = a < 1 ? ground(element.parentElement) : [0, 0, 0];
    return over([r, g, b], a, behind);
  };
  const faint = [];
  for (const element of document.querySelectorAll(".plexsync *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || element.closest(".sr-only, button:disabled, [aria-disabled=true], a") || !element.getClientRects().length) continue;
    let alpha = 1;
    for (let e = element; e; e = e.parentElement) alpha *= Number(getComputedStyle(e).opacity);
    const below = ground(element);
    const text = over(parse(getComputedStyle(element).color).slice(0, 3), alpha, below);
    const [a, b] = [light(text), light(below)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.className} ${element.textContent.slice(0, 40)}`);
  }
  return faint;
}
