"use strict";
// Inside the merchant's modal the page asks the vendor by fetch and tells the opener; alone it is a plain form.
const back = document.getElementById("return");
if (back) back.submit();
const form = document.getElementById("pay");
if (form && form.elements.embedded.value === "true") {
  const error = document.getElementById("error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const answer = await (await fetch(form.action, { method: "POST", body: data })).json();
    if (answer.error) {
      error.textContent = answer.error.description;
      error.hidden = false;
      form.elements.card_number.focus();
    }
    parent.postMessage({ razorpay: answer }, "*");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") parent.postMessage({ razorpay: { dismissed: true } }, "*");
  });
}
