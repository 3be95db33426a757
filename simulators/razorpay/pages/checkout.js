"use strict";
// Behaves like Razorpay's checkout: new Razorpay(options).open(), handler, modal.ondismiss, on("payment.failed").
(function () {
  const base = new URL(document.currentScript.src).origin;
  class Razorpay {
    constructor(options) { this.options = options; this.listeners = {}; }
    on(event, listener) { (this.listeners[event] = this.listeners[event] || []).push(listener); }
    open() {
      const options = this.options;
      const query = new URLSearchParams({ key: options.key, embedded: "true" });
      const dialog = document.createElement("dialog");
      dialog.className = "razorpay-checkout";
      dialog.setAttribute("aria-label", "Razorpay checkout");
      const frame = document.createElement("iframe");
      frame.title = "Razorpay checkout";
      frame.src = base + "/razorpay/checkout/" + encodeURIComponent(options.order_id) + "?" + query;
      frame.width = "400"; frame.height = "640";
      dialog.appendChild(frame);
      document.body.appendChild(dialog);
      const listen = (event) => {
        if (event.origin !== base || event.source !== frame.contentWindow || !event.data.razorpay) return;
        const answer = event.data.razorpay;
        if (answer.error) {
          (this.listeners["payment.failed"] || []).forEach((listener) => listener({ error: answer.error }));
        } else if (answer.dismissed) {
          close();
          if (options.modal && options.modal.ondismiss) options.modal.ondismiss();
        } else {
          close();
          if (options.handler) options.handler(answer);
        }
      };
      const close = () => { window.removeEventListener("message", listen); dialog.close(); dialog.remove(); };
      window.addEventListener("message", listen);
      dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); if (options.modal && options.modal.ondismiss) options.modal.ondismiss(); });
      dialog.showModal();
      this.close = close;
    }
  }
  window.Razorpay = Razorpay;
})();
