"""What can be seen of a page, computed in the browser: contrast, width, and what the keyboard reaches."""

from playwright.sync_api import Page

# WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large text.
_CONTRAST = """
root => {
  const parse = text => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith("color(") ? [...parts.slice(0, 3).map(part => part * 255), parts[3] ?? 1]
                                     : [...parts.slice(0, 3), parts[3] ?? 1];
  };
  const over = (top, below) => top.slice(0, 3).map((part, i) => part * top[3] + below[i] * (1 - top[3]));
  const light = rgb => {
    const [r, g, b] = rgb.map(part => part / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) { layers.push(parse(getComputedStyle(at).backgroundColor)); }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll(root + " *")) {
    const text = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join("");
    if (!text || !element.checkVisibility({visibilityProperty: true})) { continue; }
    if (element.closest("script,[disabled]")) { continue; }
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const ground = behind(element), ink = over(parse(style.color), ground);
    const [bright, dark] = [light(ink), light(ground)].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) { poor.push(text.slice(0, 40) + " " + ratio.toFixed(2)); }
  }
  return [...new Set(poor)];
}
"""
_UNREACHABLE = """
root => [...document.querySelectorAll(root + " :is(a[href], button, summary, input, select, textarea)")]
  .filter(element => element.checkVisibility() && (element.tabIndex < 0))
  .map(element => element.outerHTML.slice(0, 80))
"""
_UNNAMED = """
root => [...document.querySelectorAll(root + " :is(a[href], button, summary)")]
  .filter(element => !element.innerText.trim() && !element.getAttribute("aria-label") && !element.title
          && element.checkVisibility())
  .map(element => element.outerHTML.slice(0, 80))
"""


def faults(page: Page, *, root: str = "#content") -> list[str]:
    """Return everything that keeps somebody from seeing or reaching what is in a part of the page."""
    too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [
        *(["the page is wider than the window"] if too_wide else []),
        *(f"poor contrast: {found}" for found in page.evaluate(_CONTRAST, root)),
        *(f"not reached by keyboard: {found}" for found in page.evaluate(_UNREACHABLE, root)),
        *(f"without a name: {found}" for found in page.evaluate(_UNNAMED, root)),
    ]
