/** The door of a self-paced session, which has one person. */
import { keyPage } from '../key-page';

keyPage('/api/self', 'Your own workshop');
