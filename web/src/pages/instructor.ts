/** The instructor's door. */
import { keyPage } from '../key-page';

keyPage('/api/instructor', 'For instructors');
