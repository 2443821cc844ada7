/** Registers what the renderer of slides emits. The page is provided before this is called. */
import { SlipExercise } from './exercise';
import { define } from './light';
import { SlipOpen } from './open';
import { SlipQuiz } from './quiz';
import { SlipSnippet } from './snippet';

export function defineSlideParts(): void {
  define('slip-exercise', SlipExercise);
  define('slip-snippet', SlipSnippet);
  define('slip-quiz', SlipQuiz);
  define('slip-open', SlipOpen);
}
