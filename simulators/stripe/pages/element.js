"use strict";
// The vendor's frame: the card is typed in here and goes from here to the vendor; the shop's page only hears how it ended.
(function () {
  const shop = document.body.dataset.origin;
  const form = document.getElementById("form");
  const fields = { number: form.elements.number, expiry: form.elements.expiry, cvc: form.elements.cvc };
  const COLOURS = { colorPrimary: "--primary", colorBackground: "--background", colorText: "--text", colorTextSecondary: "--muted", colorDanger: "--danger" };
  const LENGTHS = { borderRadius: "--radius", fontSizeBase: "--size", spacingUnit: "--unit" };
  const WORDS = {
    incomplete_number: "Your card number is incomplete.",
    invalid_number: "Your card number is invalid.",
    incomplete_expiry: "Your card's expiration date is incomplete.",
    invalid_expiry_year_past: "Your card's expiration year is in the past.",
    invalid_expiry_month_past: "Your card's expiration date is in the past.",
    incomplete_cvc: "Your card's security code is incomplete.",
  };
  let key = "", secret = "", intentId = "";

  const send = (word) => parent.postMessage({ stripe: word }, shop);
  const digits = (field) => field.value.replace(/\D/g, "");
  const type = () => form.elements.type.value;
  const amex = () => /^3[47]/.test(digits(fields.number));
  const collection = () => (intentId.startsWith("seti_") ? "setup_intents" : "payment_intents");

  function luhn(number) {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return sum % 10 === 0;
  }

  const checks = {
    number() {
      const number = digits(fields.number);
      if (number.length < (amex() ? 15 : 16)) return "incomplete_number";
      return luhn(number) ? "" : "invalid_number";
    },
    expiry() {
      const value = digits(fields.expiry);
      const month = Number(value.slice(0, 2)), year = 2000 + Number(value.slice(2));
      if (value.length < 4 || month < 1 || month > 12) return "incomplete_expiry";
      const today = new Date();
      if (year < today.getFullYear()) return "invalid_expiry_year_past";
      return year === today.getFullYear() && month <= today.getMonth() ? "invalid_expiry_month_past" : "";
    },
    cvc: () => (digits(fields.cvc).length < (amex() ? 4 : 3) ? "incomplete_cvc" : ""),
  };

  function show(name, code) {
    fields[name].setAttribute("aria-invalid", code ? "true" : "false");
    document.getElementById(name + "-error").textContent = code ? WORDS[code] : "";
  }

  function validate() {
    if (type() !== "card") return null;
    let first = null;
    for (const name of Object.keys(fields)) {
      const code = checks[name]();
      show(name, code);
      if (code && !first) first = { name, code };
    }
    if (!first) return null;
    fields[first.name].focus();
    return { type: "validation_error", code: first.code, message: WORDS[first.code] };
  }

  const complete = () => type() !== "card" || Object.values(checks).every((check) => !check());
  const changed = () => send({ event: "change", complete: complete(), type: type() });

  function theme(appearance) {
    const root = document.documentElement;
    const dark = !appearance.theme && matchMedia("(prefers-color-scheme: dark)").matches;
    root.classList.toggle("night", appearance.theme === "night" || dark);
    const variables = appearance.variables || {};
    const put = (names, property) => {
      for (const [name, variable] of Object.entries(names)) {
        const value = String(variables[name] || "");
        if (value && CSS.supports(property, value)) root.style.setProperty(variable, value);
      }
    };
    put(COLOURS, "color");
    put(LENGTHS, "width");
    put({ fontFamily: "--font" }, "font-family");
  }

  function body(returnUrl, receiptEmail) {
    const data = new URLSearchParams({ key, client_secret: secret, use_stripe_sdk: "true" });
    if (returnUrl) data.set("return_url", returnUrl);
    if (receiptEmail && collection() === "payment_intents") data.set("receipt_email", receiptEmail);
    data.set("payment_method_data[type]", "card");
    if (type() !== "card") {
      data.set("payment_method_data[card][wallet][type]", type());
      return data;
    }
    const expiry = digits(fields.expiry);
    data.set("payment_method_data[card][number]", digits(fields.number));
    data.set("payment_method_data[card][exp_month]", expiry.slice(0, 2));
    data.set("payment_method_data[card][exp_year]", expiry.slice(2));
    data.set("payment_method_data[card][cvc]", digits(fields.cvc));
    data.set("payment_method_data[billing_details][address][country]", form.elements.country.value);
    return data;
  }

  async function call(path, options) {
    try {
      const response = await fetch("/stripe/v1/" + collection() + "/" + intentId + path, options);
      return await response.json();
    } catch {
      return { error: { type: "api_connection_error", message: "We are having trouble connecting. Please try again." } };
    }
  }

  const look = () => call("?" + new URLSearchParams({ key, client_secret: secret }));

  const verbs = {
    async submit() {
      const error = validate();
      return error ? { error } : {};
    },
    async confirm({ returnUrl, receiptEmail }) {
      const error = validate();
      if (error) return { error };
      const answer = await call("/confirm", { method: "POST", body: body(returnUrl, receiptEmail) });
      if (answer.error) {
        const field = { incorrect_number: "number", incorrect_cvc: "cvc", invalid_cvc: "cvc" }[answer.error.code];
        if (field) fields[field].focus();
        return answer;
      }
      if (answer.status === "requires_action") return { challenge: answer.next_action.use_stripe_sdk.stripe_js };
      return { intent: answer };
    },
    async look() {
      const answer = await look();
      if (answer.error) return answer;
      const error = answer.last_payment_error || answer.last_setup_error;
      return error && answer.status === "requires_payment_method" ? { error } : { intent: answer };
    },
    async focus() { fields.number.focus(); return {}; },
  };

  async function start(word) {
    key = word.key;
    secret = word.clientSecret;
    intentId = secret.split("_secret_")[0];
    theme(word.appearance);
    const intent = await look();
    if (intent.error) {
      send({ event: "loaderror", error: intent.error });
      return;
    }
    const automatic = intent.automatic_payment_methods;
    document.querySelectorAll("[data-wallet]").forEach((label) => { label.hidden = !(automatic && automatic.enabled); });
    document.getElementById("later").hidden = collection() !== "setup_intents";
    send({ event: "ready" });
  }

  window.addEventListener("message", async (event) => {
    if (event.origin !== shop || event.source !== parent || !event.data || !event.data.stripe) return;
    const word = event.data.stripe;
    if (word.do === "start") await start(word);
    else if (verbs[word.do]) send({ id: word.id, answer: await verbs[word.do](word) });
  });

  fields.number.addEventListener("input", () => {
    const parts = amex() ? /^(\d{0,4})(\d{0,6})(\d{0,5}).*/ : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,7}).*/;
    fields.number.value = (digits(fields.number).match(parts) || []).slice(1).filter(Boolean).join(" ");
  });
  fields.expiry.addEventListener("input", (event) => {
    let value = digits(fields.expiry).slice(0, 4);
    if (value.length === 1 && Number(value) > 1) value = "0" + value;
    const going = event.inputType && event.inputType.startsWith("delete");
    fields.expiry.value = value.length > 2 || (value.length === 2 && !going) ? value.slice(0, 2) + " / " + value.slice(2) : value;
  });
  for (const [name, field] of Object.entries(fields)) {
    field.addEventListener("blur", () => { if (field.value) show(name, checks[name]()); });
    field.addEventListener("input", () => { if (field.getAttribute("aria-invalid") === "true") show(name, checks[name]()); });
  }
  form.addEventListener("input", () => {
    const chosen = type(), wallet = document.getElementById("wallet");
    document.getElementById("card").hidden = chosen !== "card";
    wallet.hidden = chosen === "card";
    wallet.textContent = chosen === "card" ? "" : "You pay with " + (chosen === "apple_pay" ? "Apple Pay" : "Google Pay") + " when you confirm (simulated).";
    changed();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  new ResizeObserver(() => send({ event: "resize", height: document.documentElement.offsetHeight })).observe(document.body);
  send({ event: "hello" });
})();
