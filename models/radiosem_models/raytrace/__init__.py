"""Buildings -> ray-traced radio maps in RadioMapSeer's layout.

    footprints or meshes -> city -> tiles of 256 x 256 m -> shards              cities/, heights.py, tiles.py
    tile -> scene -> rays, edges, sight lines and roofs -> path gain in dB      scene.py, rooftops.py, propagation.py
         -> 8-bit grey, one map a transmitter, without and with cars            cars.py, tracing.py
         -> folder, one whole tile after the other                              folder.py, run.py

The simulation is flat concrete, exact line of sight, specular reflections up to five bounces and first-order
diffraction by Sionna RT, smoothed over one and three metres, and behind them the over-rooftop diffraction of
ITU-R P.526, which is what reaches the deep shadows. It is not a measurement.

Inside this package row 0 is south and metres run east and north, as Sionna RT numbers cells; files have row 0 = north.
"""
