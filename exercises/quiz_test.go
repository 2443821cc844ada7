package exercises

import (
	"strings"
	"testing"
)

func TestQuiz(t *testing.T) {
	number, percent := &Quiz{Number: 3.33, Tolerance: 0.2}, &Quiz{Number: 200, Tolerance: 10}
	pattern, word := &Quiz{Pattern: "rng|random numbers?"}, &Quiz{Pattern: "Round robin"}
	choice := &Quiz{Options: 3, Right: []int{2, 0}}
	for _, c := range []struct {
		quiz *Quiz
		a    Answered
		want bool
	}{
		{number, Answered{Text: "3.33"}, true}, {number, Answered{Text: "3,3 hashes/s"}, true}, {number, Answered{Text: "3.53"}, true},
		{number, Answered{Text: "3.54"}, false}, {number, Answered{Text: "-3.33"}, false}, {number, Answered{Text: "many"}, false}, {number, Answered{Text: "NaN"}, false},
		{percent, Answered{Text: "190"}, true}, {percent, Answered{Text: "211"}, false},
		{pattern, Answered{Text: " Random Number "}, true}, {pattern, Answered{Text: "not rng"}, false}, {pattern, Answered{Text: "rng!"}, false}, {pattern, Answered{}, false},
		{word, Answered{Text: "round robin"}, true}, {word, Answered{Text: "round"}, false}, {word, Answered{Text: strings.Repeat("x", 5000)}, false},
		{choice, Answered{Chosen: []int{0, 2}}, true}, {choice, Answered{Chosen: []int{2, 0}}, true}, {choice, Answered{Chosen: []int{0}}, false},
		{choice, Answered{Chosen: []int{0, 1, 2}}, false}, {choice, Answered{Chosen: []int{0, 0}}, false}, {choice, Answered{}, false},
		{&Quiz{Options: 2}, Answered{}, false}, // its author marked none as right
	} {
		if got := c.quiz.Correct(c.a); got != c.want {
			t.Errorf("%+v to %+v: %v", c.a, c.quiz, got)
		}
	}
}
