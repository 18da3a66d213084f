// SPDX-License-Identifier: GPL-2.0

//! Taking the bond out of what runs, without a stop.

fn example<Q: Queue>(running: Running<'_, Q>) -> Result {
    let bond = running.0;
    //~ error[E0616]: field `0` of struct `Running` is private
    //= let bond = running.stop()?;
    drop(bond);
    Ok(())
}
