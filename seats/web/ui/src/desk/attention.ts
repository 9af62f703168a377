// Title and icon flash while a call is offered, so that it is seen from another tab.
import { t } from "../common/i18n";

const icon = document.getElementById("favicon") as HTMLLinkElement;
const calm = icon.href;
const alarm = `${import.meta.env.BASE_URL}favicon-ring.svg`;
let timer = 0;
let title = "";

export function flash(on: boolean): void {
  if (on === timer > 0) return;
  if (on) {
    title = document.title;
    let lit = false;
    const blink = () => {
      lit = !lit;
      document.title = lit ? `☎ ${t("offer.title")}` : title;
      icon.href = lit ? alarm : calm;
    };
    blink();
    timer = window.setInterval(blink, 700);
    return;
  }
  clearInterval(timer);
  timer = 0;
  document.title = title;
  icon.href = calm;
}
