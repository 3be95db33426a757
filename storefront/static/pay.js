"use strict";
// Opens the gateway's checkout for the order that payment made, and hands its proof to our server.
const form = document.getElementById("proof");
const button = document.getElementById("pay");
const status = document.getElementById("pay-status");
let failed = false;

const open = () => {
  const checkout = new window.Razorpay({
    key: form.dataset.key,
    order_id: form.dataset.order,
    amount: Number(form.dataset.amount),
    currency: form.dataset.currency,
    name: form.dataset.name,
    description: form.dataset.description,
    handler: (proof) => {
      button.disabled = true;
      status.textContent = "Confirming your payment…";
      for (const name of ["razorpay_order_id", "razorpay_payment_id", "razorpay_signature"]) {
        form.elements[name].value = proof[name];
      }
      form.submit();
    },
    modal: { ondismiss: () => location.assign(`/pay/stopped?why=${failed ? "failed" : "dismissed"}`) },
  });
  checkout.on("payment.failed", () => { failed = true; });
  failed = false;
  checkout.open();
};

if (window.Razorpay) {
  button.disabled = false;
  status.textContent = "The gateway's checkout opens on this page.";
  button.addEventListener("click", open);
} else {
  status.textContent = "The checkout could not be loaded. Your place stays held; load this page again.";
}
