"use strict";
// The part of Stripe.js that a shop with the Payment Element needs; everything secret stays in the vendor's frame.
(function () {
  const base = new URL(document.currentScript.src).origin;
  const SECRET = /^((?:pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/;

  class IntegrationError extends Error {
    constructor(message) { super(message); this.name = "IntegrationError"; }
  }

  class PaymentElement {
    constructor(key, options) {
      this.key = key; this.options = options; this.listeners = {}; this.waiting = new Map(); this.count = 0;
      this.ready = new Promise((resolve) => { this.started = resolve; });
      this.hear = this.hear.bind(this);
    }
    mount(target) {
      const host = typeof target === "string" ? document.querySelector(target) : target;
      if (!host) throw new IntegrationError("The selector you specified (" + target + ") applies to no element.");
      const frame = document.createElement("iframe");
      frame.title = "Secure payment input frame";
      frame.src = base + "/stripe/element?origin=" + encodeURIComponent(location.origin);
      frame.allow = "payment *";
      frame.style.cssText = "border:0;width:100%;height:420px;display:block;color-scheme:normal";
      this.frame = frame;
      window.addEventListener("message", this.hear);
      host.replaceChildren(frame);
      return this;
    }
    unmount() {
      window.removeEventListener("message", this.hear);
      if (this.frame) this.frame.remove();
      this.frame = null;
    }
    destroy() { this.unmount(); }
    on(event, listener) { (this.listeners[event] = this.listeners[event] || []).push(listener); return this; }
    focus() { this.ask("focus"); }
    update() { return this; }
    tell(event, data) { (this.listeners[event] || []).forEach((listener) => listener({ elementType: "payment", ...data })); }
    hear(event) {
      if (!this.frame || event.origin !== base || event.source !== this.frame.contentWindow) return;
      const word = event.data && event.data.stripe;
      if (!word) return;
      if (word.event === "hello") {
        const { clientSecret, appearance } = this.options;
        this.send({ do: "start", key: this.key, clientSecret, appearance: appearance || {} });
      } else if (word.event === "ready") { this.started(); this.tell("ready", {}); }
      else if (word.event === "loaderror") this.tell("loaderror", { error: word.error });
      else if (word.event === "change") this.tell("change", { complete: word.complete, value: { type: word.type } });
      else if (word.event === "resize") this.frame.style.height = Math.min(Math.max(word.height, 80), 1600) + "px";
      else if (this.waiting.has(word.id)) { this.waiting.get(word.id)(word.answer); this.waiting.delete(word.id); }
    }
    send(word) { this.frame.contentWindow.postMessage({ stripe: word }, base); }
    async ask(verb, data) {
      await this.ready;
      return new Promise((resolve) => {
        const id = ++this.count;
        this.waiting.set(id, resolve);
        this.send({ ...data, id, do: verb });
      });
    }
  }

  class Elements {
    constructor(key, options) {
      if (!options || !SECRET.test(options.clientSecret || "")) {
        throw new IntegrationError("Invalid value for elements(): clientSecret should be a client secret of the form ${id}_secret_${secret}.");
      }
      this.key = key; this.options = options; this.element = null;
    }
    create(type) {
      if (type !== "payment") throw new IntegrationError("This simulator has the element \"payment\" alone.");
      if (this.element) throw new IntegrationError("Can only create one Element of type payment.");
      this.element = new PaymentElement(this.key, this.options);
      return this.element;
    }
    getElement(type) { return type === "payment" ? this.element : null; }
    update(options) { Object.assign(this.options, options); }
    async submit() { return this.element.ask("submit"); }
  }

  // The buyer authenticates in a dialog over the shop's page; Escape fails the challenge, as closing it does.
  function challenge(url) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-label", "3D Secure authentication");
      dialog.style.cssText = "border:0;padding:0;border-radius:8px;max-width:100vw;max-height:100vh;box-shadow:0 10px 40px #0006";
      const frame = document.createElement("iframe");
      frame.title = "3D Secure authentication";
      frame.src = url + "&origin=" + encodeURIComponent(location.origin);
      frame.style.cssText = "border:0;display:block;width:min(400px,92vw);height:min(480px,88vh)";
      dialog.appendChild(frame);
      document.body.appendChild(dialog);
      const hear = (event) => {
        if (event.origin !== base || event.source !== frame.contentWindow) return;
        if (!event.data || !event.data.stripe || event.data.stripe.event !== "challenged") return;
        window.removeEventListener("message", hear);
        dialog.close();
        dialog.remove();
        resolve();
      };
      window.addEventListener("message", hear);
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        frame.contentWindow.postMessage({ stripe: { do: "leave" } }, base);
      });
      dialog.showModal();
    });
  }

  async function confirm(kind, name, given) {
    const { elements, confirmParams = {}, redirect = "always" } = given || {};
    if (!elements || !elements.element) throw new IntegrationError("Pass elements with a mounted Payment Element.");
    if (!elements.options.clientSecret.startsWith(kind)) throw new IntegrationError("The client secret is of another kind of intent.");
    if (redirect !== "if_required" && !confirmParams.return_url) {
      throw new IntegrationError("confirmParams.return_url is required unless redirect is \"if_required\".");
    }
    const element = elements.element;
    let answer = await element.ask("confirm", {
      returnUrl: confirmParams.return_url || "",
      receiptEmail: confirmParams.receipt_email || "",
    });
    if (answer.challenge) {
      await challenge(answer.challenge);
      answer = await element.ask("look");
    }
    if (answer.error) return { error: answer.error };
    if (redirect === "if_required") return { [name]: answer.intent };
    const back = new URL(confirmParams.return_url);
    const prefix = kind === "pi_" ? "payment_intent" : "setup_intent";
    back.searchParams.set(prefix, answer.intent.id);
    back.searchParams.set(prefix + "_client_secret", answer.intent.client_secret);
    back.searchParams.set("redirect_status", answer.intent.status === "processing" ? "pending" : "succeeded");
    location.assign(back);
    return new Promise(() => {});
  }

  function Stripe(key) {
    if (!/^pk_/.test(key || "")) throw new IntegrationError("Please call Stripe() with your publishable key.");
    return {
      elements: (options) => new Elements(key, options),
      confirmPayment: (given) => confirm("pi_", "paymentIntent", given),
      confirmSetup: (given) => confirm("seti_", "setupIntent", given),
    };
  }
  Stripe.version = 3;
  window.Stripe = Stripe;
})();
