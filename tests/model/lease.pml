/*
 * Who may drive a board: server, lease, epoch, confirmation and host lock, for spin.
 *
 * One board on one host, where two agent processes can live at a time (an old one that was paused
 * or cut off, and its successor). Every step may be delayed for any time, so a lease can end
 * between any two steps of an agent; an agent may die anywhere and its lock and children with it.
 *
 * Promises, checked in every state:
 *	one driver	never two processes that drive the board
 *	in order	no run drives after a later one has driven
 *	charged		a run drives only if the server counted it as started
 *
 * -DNO_LOCK, -DNO_EPOCH and -DNO_CONFIRM take one protection away; each must then fail.
 */
#define RUNS 4 /* epochs that are given out */

mtype = { ready, busy, quarantined };

mtype board = ready;
byte epoch = 0;	  /* server: the highest that was given out */
byte live = 0;	  /* server: epoch of the run that holds the lease; 0: none */
bool charged[RUNS + 1]; /* server: started runs */

byte holder = 0;  /* host: process that holds the flock; 0: none */
byte highest = 0; /* host: the epochs file */
byte drivers = 0; /* how many drive now */
byte driven = 0;  /* the latest epoch that drove */

chan offers[3] = [RUNS] of { byte };

active proctype server()
{
	byte agent;

	do
	:: atomic { board == ready && epoch < RUNS ->
		select(agent : 1 .. 2);
		epoch++;
		live = epoch;
		board = busy;
		offers[agent]!epoch
	}
	/* The lease ends, or the offer's time is over. */
	:: atomic { live != 0 -> live = 0; board = quarantined }
	:: epoch == RUNS && live == 0 -> break
	od
}

/* "No process of this host drives the board": what an agent looks at before it says so. */
active [2] proctype attest()
{
end:
	do
#ifdef NO_LOCK
	:: atomic { board == quarantined -> board = ready }
#else
	:: atomic { board == quarantined && holder == 0 -> board = ready }
#endif
	od
}

inline drive(e)
{
	atomic {
		assert(drivers == 0);
		assert(e > driven);
		assert(charged[e]);
		drivers++;
		driven = e
	}
	/* Here the board is flashed and measured, for as long as it takes. */
	drivers--
}

inline unlock(me)
{
	if
	:: holder == me -> holder = 0
	:: else
	fi
}

proctype agent(byte me)
{
	byte e;
	bool ok;

end:
	do
	:: offers[me]?e ->
		ok = true;
		/* flock on the probe, without waiting, before the server is asked. */
#ifndef NO_LOCK
		atomic {
			if
			:: holder == 0 -> holder = me
			:: else -> ok = false
			fi
		};
		if
		:: !ok -> goto end
		:: else
		fi;
#endif
		/* runs/R/start: the server compares the epoch and counts the attempt. */
#ifndef NO_CONFIRM
		atomic {
#ifdef NO_EPOCH
			ok = (live != 0);
#else
			ok = (live == e);
#endif
			if
			:: ok -> charged[e] = true
			:: else
			fi
		};
#endif
		/* The epochs file, under the lock. */
#ifndef NO_EPOCH
		atomic {
			if
			:: ok && e > highest -> highest = e
			:: else -> ok = false
			fi
		};
#endif
		if
		:: ok -> drive(e)
		:: else
		fi;
		unlock(me);
		/* The result reaches the server, or its lease is over already. */
		atomic {
			if
			:: live == e -> live = 0; board = ready
			:: else
			fi
		}
	od
}

init {
	atomic { run agent(1); run agent(2) }
}
