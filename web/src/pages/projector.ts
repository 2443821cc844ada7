/** The slide for the whole room. */
import '../tokens.css';
import '../slides.css';
import '../projector.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import { SlipProjector } from '../elements/projector';
import { defineSlideParts } from '../elements/slide-parts';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const boot = readBoot();
const deck = new DeckStore();
const main = root();
const room = new Room(boot);
const view = new SlipProjector();
view.first = main.querySelector<HTMLElement>('article.slide');
if (view.first && boot.slide) deck.remember(boot.slide, view.first.outerHTML);
providePage({ room, deck, nodes: [], run: async () => '', say: () => {} });
main.replaceChildren(view);
defineSlideParts();
room.start();
