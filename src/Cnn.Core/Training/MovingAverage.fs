namespace Cnn.Training

open System.Numerics
open Cnn.Kernels
open Cnn.Networks

/// The exponential moving average of what training changes, a cheap form of the average of Polyak and Juditsky 1992:
///
///   a <- d a + (1 - d) x, computed as a + (1 - d) (x - a): what stays the same has itself for an average, to the last bit
///
/// With d close to 1 it would take 1 / (1 - d) steps to forget where training began. So d is smaller at first, as in
/// ExponentialMovingAverage of TensorFlow: at step t, from 1,
///
///   d = min(decay, (1 + t) / (10 + t))
module MovingAverage =

    /// d at step t, from 1.
    let decayAt (decay: float) (t: int64) : float =
        min decay ((1.0 + float t) / (10.0 + float t))

    /// 1 - d at step t, in the precision of the numbers.
    let internal part<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (decay: float) (t: int64) : 'T =
        'T.CreateTruncating(1.0 - decayAt decay t)

    /// The average after step t, which gave x; both in the same form, be it parameters or what layers keep besides.
    let step (decay: float) (t: int64) (x: Parameters<'T>) (average: Parameters<'T>) : Parameters<'T> =
        Parameters.map2 (Vectorized.map2 (Towards<'T>(part decay t))) average x

    /// The same for what layers keep.
    let stepState (decay: float) (t: int64) (x: LayerState<'T>) (average: LayerState<'T>) : LayerState<'T> =
        LayerState.map2 (Vectorized.map2 (Towards<'T>(part decay t))) average x
