package exercises

import "context"

// actError is a failed act, with its line in the deck.
type actError struct {
	line int
	error
}

func (r *rehearsal) acts(ctx context.Context, acts []Act, done *[]RehearsedAct) *actError {
	for _, a := range acts {
		one, err := r.hands.act(ctx, a)
		*done = append(*done, one)
		if err != nil {
			return &actError{a.Line, err}
		}
	}
	return nil
}
