/** A run as it was: one's own, or for an instructor anyone's. */
import '../tokens.css';
import '../slides.css';
import '../elements/dock.css';
import '../replay.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import { SlipPlayer } from '../elements/player';
import { defineSlideParts } from '../elements/slide-parts';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const boot = readBoot();
// Exercises in the slides show the state of the person whose run it is.
if (boot.participant && boot.me) boot.me = { ...boot.me, id: boot.participant };
providePage({ room: new Room(boot), deck: new DeckStore(), nodes: [], run: async () => '', say: () => {} });
defineSlideParts();
root().replaceChildren(new SlipPlayer());
