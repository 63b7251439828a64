// Calls the channel's own cashier up inside its app. What comes back here proves nothing: the page waits for the notice.
(() => {
  const button = document.querySelector('[data-call]');
  if (!button) return;
  const failed = document.querySelector('[data-call-failed]');
  const told = (ok) => { button.disabled = ok; failed.hidden = ok; };
  const ways = {
    wechat: (call) => window.WeixinJSBridge.invoke('getBrandWCPayRequest', call, (res) => told(res.err_msg === 'get_brand_wcpay_request:ok')),
    alipay: (call) => window.AlipayJSBridge.call('tradePay', call, (res) => told(String(res.resultCode) === '9000')),
    douyin: (call) => window.tt.pay({ orderInfo: call, service: 5, success: (res) => told(res.code === 0), fail: () => told(false) }),
  };
  button.addEventListener('click', () => {
    try { ways[button.dataset.kind](JSON.parse(button.dataset.call)); } catch { told(false); }
  });
})();
