"use strict";
// Mounts Stripe's payment element for the intent that payment made; the card never touches our page or server.
const form = document.getElementById("proof");
const button = document.getElementById("pay");
const word = document.getElementById("status");
const saves = form.dataset.secret.startsWith("seti_");

const say = (text, bad) => {
  word.textContent = text;
  word.className = bad ? "notice" : "fine";
};

if (window.Stripe) {
  const stripe = window.Stripe(form.dataset.key);
  const appearance = { variables: { colorPrimary: "#1976d2", fontFamily: "Roboto, sans-serif" } };
  const elements = stripe.elements({ clientSecret: form.dataset.secret, appearance });
  const element = elements.create("payment");
  element.on("ready", () => { button.disabled = false; });
  element.mount("#payment-element");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("Talking to your bank…", false);
    const confirmParams = { return_url: form.dataset.return };
    const given = { elements, confirmParams, redirect: "if_required" };
    const answer = saves ? await stripe.confirmSetup(given) : await stripe.confirmPayment(given);
    if (answer.error) {
      const what = answer.error.message || "The bank did not say why.";
      const held = answer.error.type === "validation_error" ? "" : " Nothing was charged and your place is still held. Try again, or with another card.";
      say(what + held, true);
      button.disabled = false;
      return;
    }
    say(saves ? "Keeping your card…" : "Confirming your payment…", false);
    form.submit();
  });
} else {
  say("The checkout could not be loaded. Your place stays held: load this page again, or pay another way.", true);
}
