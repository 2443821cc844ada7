/** The page on which authors try expressions against nodes of their own. */
import '../tokens.css';
import '../attendee.css';
import '../try.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import { SlipTry } from '../elements/try';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const boot = readBoot();
const room = new Room(boot);
providePage({ room, deck: new DeckStore(), nodes: boot.nodes ?? [], run: async () => '', say: () => {} });
root().replaceChildren(new SlipTry());
room.start();
