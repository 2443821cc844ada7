// Package slides turns a workshop's Markdown into a Deck: pure values out of an fs.FS.
//
// # Contract
//
// Load reads a manifest and every file it names and returns a Deck that never changes again,
// so any number of goroutines may read it. What an author did wrong never fails the load: it
// becomes a Problem with file and line, and costs at most the slide it stands on. Load fails
// only when there is no manifest to read.
//
// Slide.HTML is for everybody and holds no notes, check, hint text, answer or solution.
// Slide.NotesHTML, Step.Notes and Exercise are for instructors and for the program: send
// none of them to an attendee as they are. Deck.Asset opens pictures and the like and refuses
// the sources, which hold the solutions.
//
// A Loader remembers what it rendered by content, within a bound, so that loading an unchanged
// deck costs a few milliseconds. It is safe for concurrent use.
//
// # Format, in short
//
// docs/authoring.md is the author's guide; its examples are parsed by a test of this package.
// A file is cut into slides by lines that are exactly "---" outside a fence, each slide into
// steps by "--" and into text and notes by "???". Property lines (name, class, layout, template,
// minutes, ...) stand at the top of a slide. ".class[text]" and "::: class" put text into a box.
// "::: exercise" holds prose, snippets, a checks fence, and the boxes hint, solution and wrong;
// "::: quiz" a question with its answers. The remark dialect that container.training writes is
// read as it is; a manifest with "content" is one of theirs and gets its tables of contents and
// section titles, marked Generated.
package slides
