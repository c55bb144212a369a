// What scrolls sideways is reached by keyboard, what opens has a name, and code has a button that copies it.
document.addEventListener("DOMContentLoaded", () => {
  new ResizeObserver(() => {
    for (const element of document.querySelectorAll(".equation, .manuscript figure, .math, pre"))
      if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  }).observe(document.body);
  for (const opener of document.querySelectorAll("summary, .search-button-field")) {
    opener.removeAttribute("aria-label");
    if (!opener.textContent.trim()) opener.ariaLabel = "pages below";
  }
  for (const code of document.querySelectorAll("div.highlight > pre")) {
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    });
    code.parentElement.append(button);
  }
});
