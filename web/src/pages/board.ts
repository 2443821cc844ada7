/** The board of a session. */
import '../tokens.css';
import '../board.css';
import { readBoot, root } from '../boot';
import { DeckStore } from '../deck';
import { SlipBoard } from '../elements/board';
import { providePage } from '../page';
import { startTheme } from '../prefs';
import { Room } from '../room';

startTheme();
const room = new Room(readBoot());
providePage({ room, deck: new DeckStore(), nodes: [], run: async () => '', say: () => {} });
root().replaceChildren(new SlipBoard());
room.start();
