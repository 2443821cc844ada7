/** The presenter's page. */
import '../tokens.css';
import '../slides.css';
import '../present.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import '../elements/finder';
import { SlipPresenter } from '../elements/presenter';
import { defineSlideParts } from '../elements/slide-parts';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const room = new Room(readBoot());
const view = new SlipPresenter();
providePage({ room, deck: new DeckStore(), nodes: [], run: async () => '', say: text => view.say(text) });
root().replaceChildren(view);
defineSlideParts();
room.start();
