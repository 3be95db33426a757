"use strict";
// Counts the order's time down, leads to the first thing that is wrong, and sends no form twice. The page works without it.
const left = document.getElementById("left");
const end = Date.now() + Number(left.dataset.seconds) * 1000;
const show = () => {
  const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  left.classList.toggle("soon", seconds < 60);
  if (seconds === 0) {
    clearInterval(timer);
    location.reload();
  }
};
const timer = setInterval(show, 1000);
show();
document.getElementById("error")?.focus();
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
