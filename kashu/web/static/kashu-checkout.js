// The checkout sheet. Without this script, the form does its own work.
(() => {
  // Checkout: posted to the till, so that a rush is answered together. Anything unforeseen falls back to the form itself.
  const sheet = document.querySelector('form[data-fast]');
  if (sheet) {
    const load = () => window.kashuSolve || new Promise((done, failed) => {
      const script = Object.assign(document.createElement('script'), { src: '/static/vendor/effort.min.js', onload: done, onerror: failed });
      document.head.append(script);
    });
    const work = async (told) => { await load(); sheet.elements.effort.value = await window.kashuSolve(told); };
    const refuse = (code) => {
      const told = sheet.querySelector(`[data-refused="${CSS.escape(code)}"]`);
      if (!told) return false;
      const note = sheet.querySelector('[data-refusal]');
      sheet.querySelector('[data-error]')?.remove();
      note.firstElementChild.textContent = told.textContent;
      note.hidden = false;
      note.scrollIntoView({ block: 'center' });
      return true;
    };
    const post = async (tries) => {
      const answer = await fetch(sheet.dataset.fast, { method: 'POST', body: new URLSearchParams(new FormData(sheet)), headers: { Accept: 'application/json' } });
      const told = await answer.json();
      if (told.go) { location.assign(told.go); return true; }
      if (told.challenge && tries) { await work(told.challenge); return post(tries - 1); }
      return refuse(told.refused || 'busy');
    };
    sheet.addEventListener('submit', async (e) => {
      if (e.submitter?.name !== 'place') return;
      e.preventDefault();
      const button = e.submitter;
      button.disabled = true;
      let done = false;
      try { done = await post(3); } catch { /* the form itself will do */ }
      button.disabled = false;
      if (!done) { sheet.append(Object.assign(document.createElement('input'), { type: 'hidden', name: 'place', value: '1' })); sheet.submit(); }
    });
    if (sheet.dataset.work) work(JSON.parse(sheet.dataset.work)).catch(() => {});
  }
})();
