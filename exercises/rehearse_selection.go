package exercises

import (
	"fmt"
	"slices"

	"slipway/workshop"
)

// selection picks what to rehearse. What comes before an exercise in its
// chapter, and what it needs, is done as solutions alone.
func selection(all []Exercise, only string) ([]Exercise, map[workshop.ExerciseID]string, error) {
	lead := map[workshop.ExerciseID]string{}
	if only == "" {
		return all, lead, nil
	}
	target := slices.IndexFunc(all, func(x Exercise) bool { return string(x.ID) == only })
	wanted := map[workshop.ExerciseID]bool{}
	var need func(ids []workshop.ExerciseID)
	need = func(ids []workshop.ExerciseID) {
		for _, id := range ids {
			i := slices.IndexFunc(all, func(x Exercise) bool { return x.ID == id })
			if i >= 0 && !wanted[id] {
				wanted[id], lead[id] = true, "solution alone: "+only+" needs it"
				need(all[i].Needs)
			}
		}
	}
	for i, x := range all {
		switch {
		case target < 0 && x.Chapter == only, i == target:
			need(x.Needs)
		case target >= 0 && i < target && x.Chapter == all[target].Chapter:
			need([]workshop.ExerciseID{x.ID})
		}
	}
	var chosen []Exercise
	for i, x := range all {
		if i == target || target < 0 && x.Chapter == only {
			delete(lead, x.ID)
			chosen = append(chosen, x)
		} else if wanted[x.ID] {
			chosen = append(chosen, x)
		}
	}
	if len(chosen) == 0 {
		return nil, nil, fmt.Errorf("there is no exercise and no chapter %q", only)
	}
	return chosen, lead, nil
}
