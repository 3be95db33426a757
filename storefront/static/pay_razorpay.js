"use strict";
// Opens the gateway's checkout for the order that payment made, and hands its proof to our server.
const form = document.getElementById("proof");
const button = document.getElementById("pay");
const word = document.getElementById("status");
const deadline = document.querySelector("[data-deadline]");
let failed = false;

const say = (text, bad) => {
  word.textContent = text;
  word.className = bad ? "notice" : "fine";
};

const open = () => {
  if (deadline && new Date(deadline.dataset.deadline) <= Date.now()) {
    location.reload();
    return;
  }
  const checkout = new window.Razorpay({
    key: form.dataset.key,
    order_id: form.dataset.order,
    amount: Number(form.dataset.amount),
    currency: form.dataset.currency,
    name: form.dataset.name,
    description: form.dataset.description,
    handler: (proof) => {
      button.disabled = true;
      say("Confirming your payment…", false);
      for (const name of ["razorpay_order_id", "razorpay_payment_id", "razorpay_signature"]) {
        form.elements[name].value = proof[name];
      }
      form.submit();
    },
    modal: {
      ondismiss: () => {
        if (failed) button.focus();
        else location.assign("/pay/stopped?why=dismissed");
      },
    },
  });
  checkout.on("payment.failed", (answer) => {
    failed = true;
    const why = answer.error?.description || "The bank did not say why.";
    say(`The payment was declined: ${why} Nothing was charged and your place is still held. Try again, or with another card.`, true);
  });
  failed = false;
  say("The gateway's checkout is open.", false);
  checkout.open();
};

if (window.Razorpay) {
  button.disabled = false;
  say("The gateway's checkout opens on this page.", false);
  button.addEventListener("click", open);
} else {
  say("The checkout could not be loaded. Your place stays held: load this page again, or pay on the gateway's own page.", true);
}
