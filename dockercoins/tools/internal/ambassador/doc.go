// Package ambassador keeps ambassadors: small balancers that live in the network
// of one container and stand there for one service it depends on. The container
// calls 127.127.0.x, its ambassador passes on to wherever the service is.
//
// [Look] takes a picture of all Engines: the containers of a project, what they
// depend on (entries of their hosts file that lead to 127.x.x.x), and the
// ambassadors there are. [Picture.Plan] says what is missing and what is stale,
// [Keeper.Create] and [Keeper.Configure] do it. [Keeper.Watch] does so again and again, as
// Docker's events come (two tiers). [Keeper.Register] writes the published ports of one
// Engine to a key/value store and [Keeper.Follow] configures from there (three tiers).
//
// Labels on an ambassador: ambassador.project, .container, .service, .bindaddr. A
// hamba of one's own with the labels ambassador.service and ambassador.bindaddr is
// configured as well, but never made or removed here.
package ambassador
