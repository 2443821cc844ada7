/** The attendee's page. */
import '../tokens.css';
import '../slides.css';
import '../attendee.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import { SlipAttendee } from '../elements/attendee';
import '../elements/finder';
import { define } from '../elements/light';
import { defineSlideParts } from '../elements/slide-parts';
import { SlipSplit } from '../elements/split';
import '../elements/status';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const boot = readBoot();
const room = new Room(boot);
const deck = new DeckStore();
const main = root();
const first = main.querySelector<HTMLElement>('article.slide');
if (first && boot.slide) deck.remember(boot.slide, first.outerHTML);

define('slip-attendee', SlipAttendee);
define('slip-split', SlipSplit);
const view = new SlipAttendee();
providePage({
  room,
  deck,
  nodes: boot.me?.role === 'attendee' ? (boot.nodes ?? []) : [], // others have no lab
  run: command => view.run(command),
  say: (text, show) => view.say(text, show),
});
defineSlideParts();
view.first = first;
main.replaceChildren(view);
room.start();
