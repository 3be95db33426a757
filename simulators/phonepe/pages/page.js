"use strict";
// Counts the order's time down; the page works without it.
const left = document.getElementById("left");
const end = Date.now() + Number(left.dataset.seconds) * 1000;
const show = () => {
  const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds === 0) location.reload();
};
show();
setInterval(show, 1000);
